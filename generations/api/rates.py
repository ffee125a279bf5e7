"""How often one token may ask, and how often one address may fail to show one.

Counted in Redis, so that it holds over all processes. Without Redis, reading is free and writing has a
small allowance in each process: money stays guarded by the wallet, and nobody is locked out by a cache.
"""

import logging
import time
from dataclasses import dataclass
from functools import cache
from math import ceil

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from generations.api.problems import Problem

logger = logging.getLogger(__name__)

# Writes a minute that a process allows a token while Redis is away.
ALONE = 60
# Attempts a minute without a valid token, of one address.
STRANGERS = 60
READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Allowance:
    """So many requests a minute, so many left, and in how many seconds there will be more."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """As every answer tells it."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


def take(request: HttpRequest, token: str) -> None:
    """Count one request of a token; its allowance goes to the answer. Raises Problem when there is none."""
    _take(request, settings.API_RATE, "token", token)


def take_for_stranger(request: HttpRequest) -> None:
    """Count one attempt without a valid token. Raises Problem when its address has made too many."""
    _take(request, STRANGERS, "stranger", address_of(request))


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as the sign-in's own limits see it."""
    try:
        return str(get_adapter(request).get_client_ip(request))
    except (ImproperlyConfigured, PermissionDenied):  # fewer proxies than there should be
        return str(request.META.get("REMOTE_ADDR", ""))


def _take(request: HttpRequest, most: int, *whose: str) -> None:
    try:
        granted, allowance = _count(_shared(), most, *whose)
    except RedisError as error:
        logger.warning("event=rate_limit_alone error=%s", type(error).__name__)
        if request.method in READS:
            granted, allowance = True, Allowance(most, most, 0)
        else:
            granted, allowance = _count(_own(), min(most, ALONE), *whose)
    request.allowance = allowance  # type: ignore[attr-defined]  # ours
    if not granted:
        wait = {"Retry-After": str(max(1, allowance.reset))}
        raise Problem("too-many-requests", f"{allowance.limit} a minute are allowed.", headers=wait)


def _count(limiter: SlidingWindowCounterRateLimiter, most: int, *whose: str) -> tuple[bool, Allowance]:
    item = RateLimitItemPerMinute(most, namespace="dailies:api")
    granted = limiter.hit(item, *whose)
    seen = limiter.get_window_stats(item, *whose)
    return granted, Allowance(
        most, seen.remaining if granted else 0, max(0, ceil(seen.reset_time - time.time()))
    )


@cache
def _shared() -> SlidingWindowCounterRateLimiter:
    # A client of its own: a pool that is borrowed is closed when its owner is forgotten. And nobody waits
    # long to be counted.
    once_more = Retry(NoBackoff(), retries=1)
    storage = RedisStorage(
        settings.REDIS_URL,
        socket_connect_timeout=1,
        socket_timeout=1,
        retry=once_more,  # type: ignore[arg-type]  # passed on to redis-py
    )
    return SlidingWindowCounterRateLimiter(storage)


@cache
def _own() -> SlidingWindowCounterRateLimiter:
    return SlidingWindowCounterRateLimiter(MemoryStorage())
