"""allauth's forms about passkeys, for answers that no browser gives."""

from typing import Any

from allauth.mfa.webauthn.forms import LoginWebAuthnForm as AllauthsLogin
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm as AllauthsReauthentication
from django import forms
from django.core.exceptions import ValidationError

UNREADABLE = "This passkey could not be read. Please try again."


class Credential(forms.JSONField):
    """What the browser says of a key."""

    def to_python(self, value: Any) -> Any:
        """Neither nested without end nor with a number of thousands of digits, which Python refuses."""
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:
            raise ValidationError(UNREADABLE) from error


class Readable(forms.Form):
    """Its parts are looked for without asking first whether they are there."""

    credential = Credential(required=True, widget=forms.HiddenInput)

    def clean_credential(self) -> Any:
        """The key it belongs to."""
        try:
            return super().clean_credential()  # type: ignore[misc]  # allauth's, which ships no types
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValidationError(UNREADABLE) from error


class LoginForm(Readable, AllauthsLogin):  # type: ignore[misc]  # allauth ships no types
    """Signing in."""


class ReauthenticateForm(Readable, AllauthsReauthentication):  # type: ignore[misc]  # allauth ships no types
    """Showing once more who it is."""
