"""Fetch a result file: from listed hosts only, capped, without redirects and without our key.

What arrived before an interruption stays where it is, and the next call for it asks for the rest only.
"""

import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from generations.fal import partial
from generations.fal.hosts import permitted, trust
from generations.fal.limits import at_most
from generations.fal.partial import Partial

TIMEOUT = httpx.Timeout(connect=5, write=10, read=30, pool=2)
SIZE_CAP = 2 * 1024**3
OVERALL_SECONDS = 600.0
# Times that a file is continued at once after an interruption, as long as each brought us further.
CONTINUED = 8


class Refused(Exception):
    """The address is not one we fetch from, or what is there is larger than any clip."""


class Gone(Exception):
    """The file is no longer there (403, 404, 410)."""


class Interrupted(Exception):
    """It did not arrive whole; another try may."""


@dataclass(frozen=True)
class Downloaded:
    """A file that arrived whole. `joined` of pieces: that they belong together is the host's word only."""

    size: int
    sha256: str
    joined: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Call:
    """What holds for every request of one `fetch`. `ends` is on the monotonic clock."""

    before: Callable[[], None]
    progress: Callable[[], None]
    ends: float


def fetch(
    url: str,
    into: Path,
    *,
    hosts: Collection[str],
    before: Callable[[], None],
    progress: Callable[[], None] = lambda: None,
) -> Downloaded:
    """Have the whole file at `url` in `into`, calling `progress` meanwhile.

    Raises Refused, Gone, Interrupted (then what arrived is kept for the next call), and OSError when the
    disk does not take it.
    """
    if not permitted(url, hosts):
        raise Refused("not a host to fetch from")
    here = partial.found(into, url)
    call = Call(before, progress, time.monotonic() + OVERALL_SECONDS)
    for left in reversed(range(CONTINUED + 1)):
        had = here.size
        try:
            if not here.whole:
                _request(here, call)
            return _weighed(here)
        except Interrupted:
            further = here.size > had or (had and not here.size)  # what was no use is gone
            if not (left and further) or time.monotonic() >= call.ends:
                raise
    raise AssertionError("the last try returns or raises")


def _request(here: Partial, call: Call) -> None:
    call.before()
    client = httpx.Client(verify=trust(), timeout=TIMEOUT, follow_redirects=False, trust_env=False)
    headers = {"Accept-Encoding": "identity", **here.request()}
    try:
        with (
            client,
            at_most(max(0.0, call.ends - time.monotonic()), client),
            client.stream("GET", here.address, headers=headers) as response,
        ):
            _receive(response, here, call)
    except httpx.InvalidURL as error:
        raise Refused("no address") from error
    except httpx.HTTPError as error:
        raise Interrupted(type(error).__name__) from error


def _receive(response: httpx.Response, here: Partial, call: Call) -> None:
    status = response.status_code
    if status in (403, 404, 410):
        raise Gone(str(status))
    if 300 <= status < 400:  # where it points to is nobody we know; a fresh address may be better
        raise Refused("a redirect")
    if status == 200:
        here.begin(response.headers)
    elif status != 206 or not here.goes_on(response.headers):
        if status in (206, 416):  # not the rest of what is here: the next request is for everything
            partial.discard(here.path)
        raise Interrupted(f"HTTP {status}")
    with here.path.open("ab") as file:
        for chunk in response.iter_raw():  # as it arrives: a fixed size would wait for a dripping peer
            _check(here, file.tell() + len(chunk), call)
            call.progress()
            file.write(chunk)


def _check(here: Partial, size: int, call: Call) -> None:
    if max(size, here.total) > SIZE_CAP:
        partial.discard(here.path)
        raise Refused("too large")
    if time.monotonic() > call.ends:
        raise Interrupted("too slow")


def _weighed(here: Partial) -> Downloaded:
    """What is here, if it is what was announced."""
    size = here.size
    if not size or (here.total and size < here.total):
        raise Interrupted(f"{size} of {here.total} bytes")
    if here.total and size > here.total:
        partial.discard(here.path)
        raise Interrupted(f"{size} instead of {here.total} bytes")
    with here.path.open("rb") as file:
        return Downloaded(size, hashlib.file_digest(file, "sha256").hexdigest(), here.joined)
