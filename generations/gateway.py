"""The product's one connection to fal, made from settings: only addresses differ between real and offline."""

from django.conf import settings
from django.db import connection

from generations.fal.client import Account, Fal
from generations.timing import START_DEADLINE

# fal's public copy of an output disappears after this; ours was made within the hour.
KEEP_OUTPUT_SECONDS = 7 * 24 * 3600


def refuse_in_transaction() -> None:
    """A network call inside a transaction would hold locks for as long as fal pleases."""
    if connection.in_atomic_block:
        raise RuntimeError("no network call inside a database transaction")


def connect() -> Fal:
    """fal as this installation knows it."""
    return Fal(
        Account(
            key=settings.FAL_KEY,
            queue_url=settings.FAL_QUEUE_URL,
            rest_url=settings.FAL_REST_URL,
            api_url=settings.FAL_API_URL,
            media_hosts=media_hosts(),
            start_deadline=START_DEADLINE,
            keep_seconds=KEEP_OUTPUT_SECONDS,
            patience=settings.FAL_TIMEOUT,
            before=refuse_in_transaction,
        )
    )


def media_hosts() -> frozenset[str]:
    """Hosts that files may come from and go to."""
    return frozenset(host.lower() for host in settings.FAL_MEDIA_HOSTS)
