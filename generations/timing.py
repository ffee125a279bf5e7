"""Business time: waits and deadlines that drills may shrink. Network time-outs are never scaled."""

from datetime import timedelta
from random import uniform

from django.conf import settings

MINUTE, HOUR = 60, 3600

# Each longer than the longest call (or chain of calls) made under it; time-outs are in `fal/client.py`.
LEASE = 60.0  # one submit: 40 s
UPLOAD_LEASE = 200.0  # one upload: 40 s to initiate it, 120 s to send it; renewed before each
FOLLOW_LEASE = 180.0  # cancel, status and result: 40 s each
STORING_LEASE = 180.0  # renewed while a download goes on; then a probe of up to 90 s
QUEUE_DEADLINE = 24 * HOUR
RUN_DEADLINE = 4 * HOUR
STORING_DEADLINE = 24 * HOUR
FIRST_LOOK = 15.0
LOST_AFTER = 10 * MINUTE
AMBIGUOUS_LOOKS = (15, 60, 3 * MINUTE, 10 * MINUTE, 15 * MINUTE)
SWEEP = 5.0
REPOKE = 10.0


def business(seconds: float) -> timedelta:
    """So many seconds of business time, divided by `TIME_SCALE`."""
    return timedelta(seconds=seconds / settings.TIME_SCALE)


def backing_off(tries: int, *, first: float, factor: float, cap: float) -> float:
    """Seconds until the next try: growing, capped, ±20 % so that a herd spreads."""
    return min(cap, first * factor ** min(tries, 40)) * uniform(0.8, 1.2)  # noqa: S311 - no secret
