"""Business time: waits and deadlines that drills may shrink, on a clock that all machines share."""

import threading
import time
from datetime import UTC, datetime, timedelta
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
# What is over a budget waits so long for somebody to decide.
DECISION_DEADLINE = 7 * 24 * HOUR
RUN_DEADLINE = 4 * HOUR
STORING_DEADLINE = 24 * HOUR
# fal gives up a request that has not started by then, so an orphan dies by itself.
START_DEADLINE = 1 * HOUR
FIRST_LOOK = 10.0
LOST_AFTER = 10 * MINUTE
AMBIGUOUS_LOOKS = (15, 60, 3 * MINUTE, 10 * MINUTE, 15 * MINUTE)
SWEEP = 5.0
REPOKE = 10.0


class _Told(threading.local):
    """What the database said last, and when that was on a clock that nobody sets."""

    by: object = None
    moment: datetime = datetime.min.replace(tzinfo=UTC)
    at: float = float("-inf")


_told = _Told()
REMEMBERED = 1.0


def now() -> datetime:
    """The database's time: a lease must not depend on whose machine has a wrong clock.

    Asked once a second; in between this machine only counts on.
    """
    if connection.vendor != "postgresql":
        return timezone.now()  # SQLite has no server; all its processes are on one machine
    passed = time.monotonic() - _told.at
    if passed > REMEMBERED or _told.by is not connection.connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            _told.moment = cursor.fetchone()[0]
        _told.at, _told.by, passed = time.monotonic(), connection.connection, 0.0
    return _told.moment + timedelta(seconds=passed)


def business(seconds: float) -> timedelta:
    """So many seconds of business time, divided by `TIME_SCALE`."""
    return timedelta(seconds=seconds / settings.TIME_SCALE)


def backing_off(tries: int, *, first: float, factor: float, cap: float) -> float:
    """Seconds until the next try: growing, capped, ±20 % so that a herd spreads."""
    return min(cap, first * factor ** min(tries, 40)) * uniform(0.8, 1.2)  # noqa: S311 - no secret
