"""What a sign-up means here: a personal workspace at once, welcome credits once the address is proven."""

import logging
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.middleware import address_out
from accounts.models import LedgerEntry, User, Wallet, Workspace, open_workspace

logger = logging.getLogger(__name__)


def settle_in(user: User) -> Workspace:
    """The user's personal workspace, made when missing."""
    mine = user.memberships.at_home().select_related("workspace").first()
    return mine.workspace if mine else open_workspace(f"{user}'s studio"[:80], owner=user, personal=True)


def welcome(user: User) -> LedgerEntry | None:
    """Grant the welcome credits, once per person whatever is clicked twice."""
    if not settings.WELCOME_CREDITS:
        return None
    wallet = Wallet.objects.get(workspace=settle_in(user))
    try:
        with transaction.atomic():
            return wallet.grant(settings.WELCOME_CREDITS, cause=f"welcome:{user.pk}", reason="Welcome")
    except IntegrityError:
        return None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Hooks of allauth that touch our tables."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Save the person and their workspace together."""
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            if commit:
                settle_in(saved)
                if self.is_email_verified(request, saved.email):  # they came by an invitation that we mailed
                    welcome(saved)
        return saved

    def clean_email(self, email: str) -> str:
        """As it is kept: an address may be none any more once it is in small letters."""
        kept: str = super().clean_email(email).lower()
        validate_email(kept)
        return kept

    def is_safe_url(self, url: str | None) -> bool:
        """Neither is what is no address at all, which allauth stumbles over."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """In no workspace: the one in the address is the last person's, on a shared machine."""
        return address_out(super().get_login_redirect_url(request))

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """The same."""
        return address_out(super().get_logout_redirect_url(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away must not break the page: signing in again sends the mail again."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # every error of SMTP is one
            logger.error("event=mail_not_sent error=%s", type(error).__name__)  # noqa: TRY400 - no address
            messages.error(self.request, "The mail could not be sent just now. Please try again later.")

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """With where the person was going, as an invitation: the mail may be read in another browser."""
        url: str = super().get_email_confirmation_url(request, emailconfirmation)
        to = get_next_redirect_url(request)
        return f"{url}?{urlencode({REDIRECT_FIELD_NAME: to})}" if to else url

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """A proven address is what earns the welcome credits: unproven ones cost a script nothing."""
        confirmed: bool = super().confirm_email(request, email_address)
        if confirmed:
            welcome(email_address.user)
        return confirmed


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Hooks of allauth's second factors: their secrets are worth nothing to whoever has only the database."""

    def encrypt(self, text: str) -> str:
        """As it is stored."""
        return _safe().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """As it was given. InvalidToken when SECRET_KEY has changed and the old one is no fallback."""
        return _safe().decrypt(encrypted_text.encode()).decode()


def _safe() -> MultiFernet:
    """Locked with a key made from SECRET_KEY; opens what an earlier one locked, too."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [salted_hmac("accounts.second_factor", "", secret=each, algorithm="sha256") for each in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(key.digest())) for key in keys])
