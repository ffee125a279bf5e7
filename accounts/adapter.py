"""What a sign-up means here: a personal workspace at once, welcome credits once the address is proven."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.models import LedgerEntry, User, Wallet, Workspace, open_workspace


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
        return saved

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """A proven address is what earns the welcome credits: unproven ones cost a script nothing."""
        confirmed: bool = super().confirm_email(request, email_address)
        if confirmed:
            welcome(email_address.user)
        return confirmed
