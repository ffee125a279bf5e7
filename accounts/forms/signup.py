"""Forms about people."""

from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms

from accounts.letters import one_line


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth ships no types
    """Sign-up asks for a name too, because colleagues see who made a clip."""

    first_name = forms.CharField(
        label="Your name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["first_name", "email", "password1"]

    def clean_first_name(self) -> str:
        """One line: our mails call people by it."""
        return one_line(self.cleaned_data["first_name"])
