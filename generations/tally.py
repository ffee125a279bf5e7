"""Counts of what must not touch the database: a forged webhook has to stay cheap, and a log line too.

Kept in memory and added to a hash in Redis at most once a second and process, for a flood of forgeries should
not become a flood of commands. Best effort: they begin anew when Redis is emptied, as counters may.
"""

import threading
import time
from collections import Counter
from typing import cast

from redis.exceptions import RedisError

from generations import doorbell

REFUSED, ERROR = "refused", "error"
KEY = "dailies:tally"
# Seconds between two additions; longer after a failure: a Redis that does not answer costs each caller time.
PAUSE, LONG_PAUSE = 1.0, 5.0

_pending: Counter[str] = Counter()
_lock = threading.Lock()
_quiet_until = 0.0


def count(what: str, label: str) -> None:
    """One more. The first after a quiet second is in Redis at once, the others of a flood with the next."""
    with _lock:
        _pending[f"{what}:{label}"] += 1
    if time.monotonic() >= _quiet_until:
        flush()


def flush() -> bool:
    """Add what is pending; whether Redis took it. While it is away nothing is forgotten."""
    global _quiet_until  # noqa: PLW0603 - one pause for all threads of a process, racing for it is harmless
    _quiet_until = time.monotonic() + PAUSE
    with _lock:
        taken = dict(_pending)
        _pending.clear()
    try:
        with doorbell.redis().pipeline(transaction=False) as commands:
            for name, times in taken.items():
                commands.hincrby(KEY, name, times)
            commands.execute()
    except RedisError:
        _quiet_until = time.monotonic() + LONG_PAUSE
        with _lock:
            _pending.update(taken)
        return False
    return True


def counted(what: str) -> dict[str, int] | None:
    """So many by label, this process's newest included; None when nobody knows."""
    if not flush():
        return None
    try:
        found = cast("dict[bytes, bytes]", doorbell.redis().hgetall(KEY))  # as we did not ask for text
    except RedisError:
        return None
    prefix = f"{what}:"
    named = {key.decode(): int(value) for key, value in found.items()}
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
