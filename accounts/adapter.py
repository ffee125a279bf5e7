"""What a sign-up means here: a personal workspace at once, welcome credits once the address is proven."""

import logging
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.models import LedgerEntry, User, Wallet, Workspace, open_workspace

logger = logging.getLogger(__name__)


def settle_in(user: User) -> Workspace:
    """The user's personal workspace, made when missing."""
    mine = Workspace.objects.filter(personal=True, memberships__user=user).first()
    return mine or open_workspace(f"{user}'s studio"[:80], owner=user, personal=True)


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
    """Hooks of allauth's second factors."""
