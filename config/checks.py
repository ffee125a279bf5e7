"""System checks: what would make a public installation unsafe, or make it lose money.

`check --deploy` always asks. Every command and the web server ask on their own as soon as the settings name
a host that others can reach, so that a worker or a web process never starts unsafely by forgetting to ask.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

TAG = "dailies"
INSECURE = "insecure-"  # how the default secret in config/settings.py begins


def public() -> bool:
    """Whether somebody on another machine can be served."""
    hosts = [urlsplit(settings.PUBLIC_URL).hostname or "", *settings.ALLOWED_HOSTS]
    return not all(loopback(host) for host in hosts)


def loopback(host: str) -> bool:
    if host in ("localhost", "testserver") or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@checks.register(TAG)
def sqlite_waits_its_turn(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterable[CheckMessage]:
    """A deferred SQLite transaction fails under two writers, and a failed capture is a lost credit."""
    for name, database in settings.DATABASES.items():
        mode = database.get("OPTIONS", {}).get("transaction_mode")
        if database["ENGINE"].endswith("sqlite3") and mode != "IMMEDIATE":
            yield Error(
                f"The SQLite database {name!r} does not begin its transactions IMMEDIATE.",
                hint="Set OPTIONS['transaction_mode'] = 'IMMEDIATE'.",
                id="config.E005",
            )


@checks.register(TAG)
def public_start(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    return list(unsafe()) if public() else []


@checks.register(TAG, deploy=True)
def deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    # A public installation has heard the same from `public_start` already.
    return [] if public() else list(unsafe())


def unsafe() -> Iterator[Error]:
    if settings.DEBUG:
        yield Error("DEBUG shows the source, the settings and every query to visitors.", id="config.E001")
    secret = secret_key()
    if secret.startswith(INSECURE) or len(secret) < 32:
        yield Error(
            "SECRET_KEY is the published default or too short; anybody could sign in as anybody.",
            hint="Set it to 50 random characters, the same for every process.",
            id="config.E002",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error("ALLOWED_HOSTS accepts every host name; name yours.", id="config.E003")
    if not settings.FAL_WEBHOOK_USER_ID:
        yield Error(
            "FAL_WEBHOOK_USER_ID is empty; fal's keys sign for every account, so deliveries of strangers"
            " could not be told from yours.",
            hint="It is the X-Fal-Webhook-User-Id of your own account's deliveries.",
            id="config.E004",
        )
    if not settings.FAL_KEY:
        yield Error("FAL_KEY is empty; no clip could be made.", id="config.E006")
    if not settings.STAFF_MFA:
        yield Error(
            "STAFF_MFA is off; one stolen password of staff would open every workspace.", id="config.E012"
        )
    if settings.EMAIL_BACKEND.endswith(("console.EmailBackend", "dummy.EmailBackend")):
        yield Error(
            "EMAIL_URL is not set: mails would be printed to a log, and count as sent.",
            id="config.E013",
        )
    yield from unreachable()


def unreachable() -> Iterator[Error]:
    """What would turn people, or fal's deliveries, away."""
    public_url = urlsplit(settings.PUBLIC_URL)
    if not loopback(public_url.hostname or "") and public_url.scheme != "https":
        yield Error(
            "PUBLIC_URL is not https; sign-ins would cross the network in the open.", id="config.E007"
        )
    allowed = settings.ALLOWED_HOSTS
    if not validate_host(public_url.netloc.rpartition("@")[2].partition(":")[0], allowed):
        yield Error(
            "The host of PUBLIC_URL is not in ALLOWED_HOSTS; fal's deliveries would be turned away.",
            id="config.E008",
        )


def secret_key() -> str:
    """Django raises when it is asked for an empty one; we want to say it in a sentence."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


@checks.register(TAG)
def sensible_numbers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """Figures that would break a price or a wait when it is too late to say so."""
    try:
        markup = Decimal(settings.CREDITS_MARKUP)
    except InvalidOperation:
        markup = Decimal(0)
    if not (markup.is_finite() and markup > 0):
        yield Error("CREDITS_MARKUP is not a number above 0.", id="config.E009")
    if not settings.TIME_SCALE > 0:
        yield Error("TIME_SCALE is not a number above 0.", id="config.E010")
    if settings.WELCOME_CREDITS < 0:
        yield Error("WELCOME_CREDITS is below 0.", id="config.E011")


def refuse_unsafe_start() -> None:
    """For the web server, which runs no management command: ends the process on any error of ours."""
    errors = [found for found in checks.run_checks(tags=[TAG]) if found.is_serious()]
    if errors:
        raise SystemExit("Dailies does not start:\n" + "\n".join(str(error) for error in errors))
