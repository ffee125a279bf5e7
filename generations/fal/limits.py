"""A limit on a whole call: a peer that drips one byte a second never trips a read time-out."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

# No byte of the request has left when one of these is raised.
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class TooSlow(httpx.TransportError):
    """The whole call took longer than it may."""


@contextmanager
def at_most(seconds: float, client: httpx.Client) -> Iterator[None]:
    """Close the connection under a call that outlives its whole budget."""
    started = time.monotonic()
    timer = threading.Timer(seconds, client.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if time.monotonic() - started >= seconds and not isinstance(error, NOTHING_SENT):
            raise TooSlow(f"took longer than {seconds:g} s") from error
        raise
    finally:
        timer.cancel()
