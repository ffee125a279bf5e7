"""Forms about people."""

from allauth.account.forms import SignupForm as AllauthSignupForm

from accounts.forms.people import OwnNameForm


class SignupForm(OwnNameForm, AllauthSignupForm):  # type: ignore[misc]  # allauth ships no types
    """Sign-up asks for a name too, because colleagues see who made a clip."""

    field_order = ["first_name", "email", "password1"]
