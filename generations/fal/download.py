"""Fetch a result file: from listed hosts only, capped, without redirects and without our key."""

import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import httpx

from generations.fal.hosts import permitted
from generations.fal.limits import at_most

TIMEOUT = httpx.Timeout(connect=5, write=10, read=30, pool=2)
SIZE_CAP = 2 * 1024**3
OVERALL_SECONDS = 600.0


class Refused(Exception):
    """The address is not one we fetch from."""


class Gone(Exception):
    """The file is no longer there (403, 404, 410)."""


class Interrupted(Exception):
    """It did not arrive whole; another try may."""


@dataclass(frozen=True)
class Downloaded:
    """A file that arrived whole."""

    size: int
    sha256: str


def fetch(
    url: str,
    into: Path,
    *,
    hosts: Collection[str],
    before: Callable[[], None],
    progress: Callable[[], None] = lambda: None,
) -> Downloaded:
    """Write the file at `url` to `into`, calling `progress` meanwhile. Raises Refused, Gone, Interrupted."""
    if not permitted(url, hosts):
        raise Refused("not a host to fetch from")
    before()
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            at_most(OVERALL_SECONDS, client),
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            return _receive(response, into, progress)
    except httpx.InvalidURL as error:
        raise Refused("no address") from error
    except httpx.HTTPError as error:
        raise Interrupted(type(error).__name__) from error


def _receive(response: httpx.Response, into: Path, progress: Callable[[], None]) -> Downloaded:
    if response.status_code in (403, 404, 410):
        raise Gone(str(response.status_code))
    if response.status_code != 200:
        raise Interrupted(f"HTTP {response.status_code}")
    length = response.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() and len(length) < 16 else 0
    ends, digest, size = time.monotonic() + OVERALL_SECONDS, hashlib.sha256(), 0
    with into.open("wb") as file:
        for chunk in response.iter_raw():  # as it arrives: a fixed size would wait for a dripping peer
            size += len(chunk)
            if size > SIZE_CAP or time.monotonic() > ends:
                raise Interrupted("too large or too slow")
            progress()
            digest.update(chunk)
            file.write(chunk)
    if not size or (announced and size != announced):
        raise Interrupted(f"{size} of {announced} bytes")
    return Downloaded(size, digest.hexdigest())
