"""One try of saying it: leased by compare-and-set, posted outside of any transaction, and written down.

At least once: a worker that is killed after the other program took a message leaves a lease behind, and when
that ends the message is sent again under the same id.
"""

import logging
import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from accounts.webhooks.endpoints import disable
from accounts.webhooks.post import SECONDS, Outcome, post
from accounts.webhooks.signing import headers, wire

logger = logging.getLogger(__name__)

# Seconds after each failed try, in business time; after the last of them it is given up.
SECOND, MINUTE, HOUR = 1, 60, 3600
SCHEDULE = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
# An endpoint that took nothing for so long is switched off.
PATIENCE = 5 * 24 * HOUR
# One that fails is tried less and less: once in a tenth of the time since it began to fail.
QUIET_SHARE, QUIET_LEAST, QUIET_MOST = 10, 5 * SECOND, 10 * MINUTE
# Real time: longer than a try can take, with a margin for clocks that differ.
LEASE = timedelta(seconds=4 * SECONDS)
AGENT = "Dailies-Webhooks/1"
GONE = 410


@dataclass(frozen=True)
class Leased:
    """A message in our hands until then; no other worker has the same moment."""

    message: WebhookMessage
    until: datetime

    @property
    def endpoint(self) -> WebhookEndpoint:
        """Where it goes."""
        return self.message.endpoint


def deliver(message_id: uuid.UUID) -> None:
    """Send a message if it is due and nobody else does; then know what comes next."""
    leased = _lease(message_id)
    if leased is None:
        return
    outcome = _send(leased)
    _settle(leased, outcome)
    logger.info(
        "webhook=%s message=%s event=posted status=%s error=%s milliseconds=%s",
        leased.endpoint.pk,
        message_id,
        outcome.status,
        outcome.error.replace(" ", "-"),
        outcome.milliseconds,
    )


def _lease(message_id: uuid.UUID) -> Leased | None:
    moment = timezone.now()
    until = moment + LEASE
    ripe = WebhookMessage.objects.ripe(moment).filter(pk=message_id).values("pk")
    free = WebhookMessage.objects.filter(pk__in=ripe)
    found = free.select_related("endpoint").first()
    if found is None:
        return None
    if found.endpoint.failing_since and not _may_probe(found.endpoint, moment, until):
        return None
    # What was read is compared: whoever leased it meanwhile has changed both.
    mine = WebhookMessage.objects.filter(pk=message_id, wake_at=found.wake_at, lease_until=found.lease_until)
    if not mine.update(lease_until=until, wake_at=until, tries=F("tries") + 1):
        return None
    found.tries += 1
    return Leased(found, until)


def _may_probe(endpoint: WebhookEndpoint, moment: datetime, until: datetime) -> bool:
    """One at a time finds out whether it is back: each of them may take all of a try's time."""
    rested = Q(quiet_until=None) | Q(quiet_until__lte=moment)
    return bool(WebhookEndpoint.objects.filter(rested, pk=endpoint.pk).update(quiet_until=until))


def _send(leased: Leased) -> Outcome:
    endpoint, message = leased.endpoint, leased.message
    moment = timezone.now()
    secrets = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > moment:
        secrets.append(endpoint.old_secret)
    content = wire(message.body)
    signed = headers(str(message.pk), int(moment.timestamp()), content, secrets)
    return post(endpoint.url, content, {"Content-Type": "application/json", "User-Agent": AGENT, **signed})


@transaction.atomic
def _settle(leased: Leased, outcome: Outcome) -> None:
    WebhookAttempt.objects.create(
        message=leased.message,
        status=outcome.status,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
    )
    # The endpoint's row is written before the message's, here as in `disable`.
    if outcome.taken:
        failing = WebhookEndpoint.objects.filter(pk=leased.endpoint.pk, failing_since__isnull=False)
        failing.update(failing_since=None, quiet_until=None)
        _close(leased, delivered_at=timezone.now(), wake_at=None)
    elif outcome.status == GONE:
        disable(leased.endpoint, why="it answered that it is gone for good (410)")
        _close(leased, wake_at=None)
    else:
        _put_off(leased)


def _put_off(leased: Leased) -> None:
    moment, tries = timezone.now(), leased.message.tries
    later = None if tries > len(SCHEDULE) else moment + scaled(SCHEDULE[tries - 1] * _jitter())
    since = leased.endpoint.failing_since or moment
    quiet = min(max((moment - since) / QUIET_SHARE, scaled(QUIET_LEAST)), scaled(QUIET_MOST))
    WebhookEndpoint.objects.filter(pk=leased.endpoint.pk).update(
        failing_since=Coalesce("failing_since", moment), quiet_until=moment + quiet
    )
    if since <= moment - scaled(PATIENCE):
        disable(leased.endpoint, why="it has taken nothing for five days")
    _close(leased, wake_at=later)


def _close(leased: Leased, **fields: datetime | None) -> None:
    """Give the lease back; nothing is written by a worker that lost it."""
    mine = WebhookMessage.objects.filter(pk=leased.message.pk, lease_until=leased.until)
    # Given up while it was being sent, because the endpoint was switched off: that stays.
    if fields.get("wake_at"):
        mine = mine.filter(wake_at__isnull=False)
    mine.update(lease_until=None, **fields)


def scaled(seconds: float) -> timedelta:
    """So many seconds of business time, which drills shrink."""
    return timedelta(seconds=seconds / settings.TIME_SCALE)


def _jitter() -> float:
    return random.uniform(0.9, 1.2)  # noqa: S311 - no secret; a herd should not come back as one
