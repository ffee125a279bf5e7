"""Counts of what must not touch the database: a forged webhook has to stay cheap, and a log line too.

One HINCRBY each, best effort. They begin anew when Redis is emptied, as counters may.
"""

import time
from typing import cast

from redis.exceptions import RedisError

from generations import doorbell

REFUSED, ERROR = "refused", "error"
KEY = "dailies:tally"
# A Redis that does not answer costs each caller seconds: after a failure nobody tries for so long.
PAUSE = 5.0
_paused_until = 0.0


def count(what: str, label: str) -> None:
    """One more; forgotten while Redis is away."""
    global _paused_until  # noqa: PLW0603 - one pause for all threads of a process, racing for it is harmless
    if time.monotonic() < _paused_until:
        return
    try:
        doorbell.redis().hincrby(KEY, f"{what}:{label}", 1)
    except RedisError:
        _paused_until = time.monotonic() + PAUSE


def counted(what: str) -> dict[str, int] | None:
    """So many by label; None when nobody knows."""
    try:
        found = cast("dict[bytes, bytes]", doorbell.redis().hgetall(KEY))  # as we did not ask for text
    except RedisError:
        return None
    prefix = f"{what}:"
    named = {key.decode(): int(value) for key, value in found.items()}
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
