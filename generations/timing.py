"""Business time: waits and deadlines that drills may shrink, on a clock that all machines share."""

from datetime import datetime, timedelta
from random import uniform

from django.conf import settings
from django.db import connection
from django.utils import timezone

MINUTE, HOUR = 60, 3600

# Leases outlast the longest call, or chain of calls, made under them. Those are network time, never scaled.
CALL = settings.FAL_TIMEOUT
LEASE = 1.5 * CALL  # one submit
UPLOAD_LEASE = (
    5 * CALL
)  # one upload: a call to initiate it, three times as long to send it; renewed before each
FOLLOW_LEASE = 4.5 * CALL  # cancel, status, result and the request list
STORING_LEASE = 4.5 * CALL  # renewed while a download goes on; then a probe

QUEUE_DEADLINE = 24 * HOUR
RUN_DEADLINE = 4 * HOUR
STORING_DEADLINE = 24 * HOUR
# fal gives up a request that has not started by then, so an orphan dies by itself.
START_DEADLINE = 1 * HOUR
FIRST_LOOK = 15.0
LOST_AFTER = 10 * MINUTE
AMBIGUOUS_LOOKS = (15, 60, 3 * MINUTE, 10 * MINUTE, 15 * MINUTE)
SWEEP = 5.0
REPOKE = 10.0


def now() -> datetime:
    """The database's time: a lease must not depend on whose machine has a wrong clock."""
    if connection.vendor != "postgresql":
        return timezone.now()  # SQLite has no server; all its processes are on one machine
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def business(seconds: float) -> timedelta:
    """So many seconds of business time, divided by `TIME_SCALE`."""
    return timedelta(seconds=seconds / settings.TIME_SCALE)


def backing_off(tries: int, *, first: float, factor: float, cap: float) -> float:
    """Seconds until the next try: growing, capped, ±20 % so that a herd spreads."""
    return min(cap, first * factor ** min(tries, 40)) * uniform(0.8, 1.2)  # noqa: S311 - no secret
