"""fal's public keys: cached, refetched rarely, and good for a while when fal cannot be asked."""

import threading
import time
from dataclasses import dataclass, field

import httpx

from generations.fal.hosts import trust
from generations.fal.limits import at_most
from generations.fal.replies import loads
from generations.fal.signature import read_keys

FRESH_SECONDS = 24 * 3600.0
STALE_SECONDS = 7 * 24 * 3600.0
# However many forgeries arrive, fal is asked at most once a minute.
REFETCH_SECONDS = 60.0
SIZE_CAP = 256 * 1024
OVERALL_SECONDS = 8.0  # fal gives a delivery fifteen


class NoKeys(Exception):
    """There is no key set to judge by; the sender should try again later."""


@dataclass
class KeySet:
    """The keys at one address, shared by the threads of a process."""

    url: str
    keys: list[bytes] = field(default_factory=list)
    fetched_at: float = float("-inf")
    asked_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def current(self) -> list[bytes]:
        """Keys to verify with. Raises NoKeys."""
        now = time.monotonic()
        if now - self.fetched_at > FRESH_SECONDS:
            self.refetch()
        if not self.keys or now - self.fetched_at > STALE_SECONDS:
            raise NoKeys
        return self.keys

    def refetch(self) -> bool:
        """Ask for the set unless that was done within the minute; whether it changed."""
        # While there are keys, nobody waits for somebody else's question; without any, all have to.
        if not self._lock.acquire(blocking=not self.keys):
            return False
        try:
            now = time.monotonic()
            if now - self.asked_at < REFETCH_SECONDS:
                return False
            self.asked_at = now
            keys = _fetch(self.url)
            if not keys:
                return False
            changed = keys != self.keys
            self.keys, self.fetched_at = keys, now
            return changed
        finally:
            self._lock.release()


def _fetch(url: str) -> list[bytes]:
    try:
        with (
            httpx.Client(verify=trust(), timeout=5, follow_redirects=False, trust_env=False) as client,
            at_most(OVERALL_SECONDS, client),
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                return []
            content = b""
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > SIZE_CAP:
                    return []
            return read_keys(loads(content))
    except (httpx.HTTPError, ValueError):
        return []
