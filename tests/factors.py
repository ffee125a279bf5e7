"""Second factors for tests: an authenticator app in the hand of the test, and sessions opened with one."""

import time
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.second_factor import SESSION_KEY


def code(secret: str) -> str:
    """What the app shows now; a code that was used before in this test is taken again."""
    cache.clear()
    shown: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    return shown


def set_up(user: User) -> str:
    """Give a person an authenticator app; answers its secret."""
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def sign_in(client: Client, user: User) -> Client:
    """A session that was opened with a second factor."""
    if not Authenticator.objects.filter(user=user).exists():
        set_up(user)
    client.force_login(user)
    session = client.session
    session[SESSION_KEY] = user.pk
    session.save()
    return client


def prove_address(user: User) -> None:
    """As if they had followed the link in the mail."""
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def reauthenticate(client: Any, password: str) -> None:
    """Show the password again, as the pages about factors ask."""
    client.post("/accounts/reauthenticate/", {"password": password})
