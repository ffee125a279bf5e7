"""Forms about people."""

from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms

from accounts.forms.people import a_line


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth ships no types
    """Sign-up asks for a name too, because colleagues see who made a clip."""

    first_name = forms.CharField(
        label="Your name",
        max_length=150,
        validators=[a_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["first_name", "email", "password1"]
