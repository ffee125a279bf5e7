"""One POST to a stranger's server: to a checked address and no other, within seconds, reading a status.

httpx's own transport resolves a name a second time when it connects, and a name may say something else then.
Here the connection is opened to the very address that was looked at; the certificate is still asked for by
the name. There are no proxies, no redirects and no cookies, because nothing here knows of them.
"""

import functools
import logging
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any

import httpcore
import httpx
from django.conf import settings
from django.db import connection

from accounts.webhooks import addresses

logger = logging.getLogger(__name__)

CONNECT_SECONDS, SECONDS = 5.0, 15.0
# Addresses of one host that are tried.
MOST_ADDRESSES = 3


@dataclass(frozen=True)
class Outcome:
    """An answer's status, or why there was none; and how long it took."""

    status: int | None = None
    error: str = ""
    milliseconds: int = 0

    @property
    def taken(self) -> bool:
        """Whether the other program has it."""
        return self.status is not None and 200 <= self.status < 300


class Forbidden(Exception):
    """It leads into our network."""


class Unknown(Exception):
    """There is no such host."""


# What went wrong, in the words of the log's page; the first that fits.
ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (Forbidden, "address inside the network"),
    (addresses.Unusable, "address not allowed"),
    (Unknown, "host not found"),
    (httpcore.ConnectTimeout, "no connection in time"),
    (ssl.SSLError, "certificate or TLS"),
    (httpcore.ConnectError, "no connection"),
    (httpcore.TimeoutException, "no answer in time"),
    (httpcore.ProtocolError, "not HTTP"),
    (httpcore.NetworkError, "connection broke"),
)


def post(text: str, content: bytes, headers: Mapping[str, str]) -> Outcome:
    """Post it, once. Never raises for what the other side does, and never inside a transaction."""
    if connection.in_atomic_block:
        raise RuntimeError("no network call inside a database transaction")
    started = time.monotonic()
    status, error = None, ""
    try:
        status = _status_of(addresses.parsed(text), content, headers, started + SECONDS)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it must count as a try and end some day
        error = _words(raised)
    return Outcome(status, error, round((time.monotonic() - started) * 1000))


def _words(raised: Exception) -> str:
    causes = [raised, *filter(None, (raised.__cause__, raised.__context__))]
    for kind, words in ERRORS:
        if any(isinstance(each, kind) for each in causes):
            return words
    logger.error("event=webhook_not_sent error=%s", type(raised).__name__)
    return "could not be sent"


def _status_of(url: httpx.URL, content: bytes, headers: Mapping[str, str], ends: float) -> int:
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    said = {"Host": url.netloc.decode(), "Content-Length": str(len(content)), **headers}
    pool = httpcore.ConnectionPool(ssl_context=trust(), max_connections=1, network_backend=Checked(ends))
    with pool, pool.stream("POST", target, headers=list(said.items()), content=content) as response:
        return int(response.status)  # of the rest not a byte is read


@functools.cache
def trust() -> ssl.SSLContext:
    """By which authorities hosts prove their names; one per process, because it takes long to make."""
    return httpx.create_ssl_context(trust_env=False)


class Checked(httpcore.NetworkBackend):
    """Opens connections to public addresses only, and ends everything at one moment."""

    def __init__(self, ends: float) -> None:
        self.ends, self._plain = ends, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, look at every address, and connect to what was looked at."""
        ends = min(self.ends, time.monotonic() + CONNECT_SECONDS)
        found = _resolved(host, port, ends)
        if not settings.WEBHOOKS_INSIDE and not all(map(addresses.is_public, found)):
            raise Forbidden
        tried = found[:MOST_ADDRESSES]
        for others in reversed(range(len(tried))):
            address, share = tried[-1 - others], left(ends) / (others + 1)
            try:
                stream = self._plain.connect_tcp(address, port, share, local_address, socket_options)
                return Limited(stream, self.ends)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not others:
                    raise
        raise Unknown


class Limited(httpcore.NetworkStream):
    """A connection with an end: a peer that drips one byte a second trips no time-out of a single read."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Within what is left."""
        return self._stream.read(max_bytes, left(self._ends))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Within what is left."""
        self._stream.write(buffer, left(self._ends))

    def close(self) -> None:
        """At once."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Proven by the name in the address, whatever it resolved to."""
        secure = self._stream.start_tls(ssl_context, server_hostname, min(CONNECT_SECONDS, left(self._ends)))
        return Limited(secure, self._ends)

    def get_extra_info(self, info: str) -> Any:
        """The connection's own."""
        return self._stream.get_extra_info(info)


def left(ends: float) -> float:
    """Seconds until then. Raises a time-out when there are none."""
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout
    return seconds


def _resolved(host: str, port: int, ends: float) -> list[str]:
    """A resolver has time-outs of its own, and long ones: it is not waited for."""
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(addresses.resolved(host, port))
        except (OSError, ValueError) as error:
            answer.set_exception(error)

    Thread(target=ask, name="resolver", daemon=True).start()
    try:
        return answer.result(max(0.0, ends - time.monotonic()))
    except TimeoutError as error:
        raise httpcore.ConnectTimeout from error
    except (OSError, ValueError) as error:
        raise Unknown from error
