"""One HTTP exchange: the call that came in and the answer that goes out."""

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

Json = Any  # whatever json.loads returns; its shape is checked where it is read
MAX_BODY = 512 * 1024 * 1024  # bytes; above any clip or picture a caller may upload
OWN_REASONS = {499: "Client Closed Request"}  # not in the standard library's table


class HangUp(ConnectionAbortedError):
    """Close the connection without (further) answer; the WSGI server honours this class."""


@dataclass(frozen=True)
class Manner:
    """How an answer travels when the line is bad. Times are real seconds."""

    pause: float = 0.0  # before the first byte
    drip: float = 0.0  # between two pieces of the body
    pieces: int = 0  # into how many it is cut; 0: single bytes
    cut: Literal["", "start", "headers", "body"] = ""  # where it breaks off: nowhere, or in the middle of
    reset: bool = False  # it breaks with a reset instead of an orderly end


@dataclass(frozen=True)
class Answer:
    """What goes back: status, body and headers. A stream body is sent as it is produced."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    stream: Iterable[bytes] | None = None
    manner: Manner | None = None
    fault: str = ""  # the kind of fault that made it what it is
    sent: Callable[[int], None] | None = None  # told, after a bad line, how much of the body went out

    @property
    def heard(self) -> int | None:
        """The status that its caller gets to see; None when the line breaks before that."""
        return None if self.manner and self.manner.cut in ("start", "headers") else self.status

    @property
    def status_line(self) -> str:
        reason = OWN_REASONS.get(self.status) or HTTPStatus(self.status).phrase
        return f"{self.status} {reason}"


@dataclass(frozen=True)
class Call:
    """What came in. Header names are lower case; `base` is the address the caller used."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    base: str
    host: str = ""
    connection: socket.socket | None = field(default=None, compare=False)

    def asked(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[-1] if values else None

    def json(self) -> Json:
        """The parsed body; raises ValueError when it is not JSON."""
        return json.loads(self.body)


def read_call(environ: WSGIEnvironment, public_url: str | None) -> Call:
    """Read the whole call, body included, so that closing early never resets the peer."""
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE", ""))
    host = headers.get("host") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return Call(
        method=str(environ["REQUEST_METHOD"]).upper(),
        path=str(environ.get("PATH_INFO", "/")).encode("latin-1").decode("utf-8", "replace"),
        query=parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True),
        headers=headers,
        body=read_body(environ, headers),
        base=public_url or f"http://{host}",
        host=host,
        connection=environ.get("emulator.connection"),
    )


def read_body(environ: WSGIEnvironment, headers: Mapping[str, str]) -> bytes:
    source = environ["wsgi.input"]
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return b"".join(chunks(source))
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_BODY:
        raise HangUp("body too large")
    return source.read(length) if length > 0 else b""


def chunks(source: Any) -> Iterable[bytes]:
    """Decode chunked transfer coding; the standard library's server leaves it to us."""
    while size := int(source.readline().split(b";")[0].strip() or b"0", 16):
        yield source.read(size)
        source.readline()
    while source.readline().strip():  # trailers, ended by an empty line
        pass


def json_answer(status: int, value: Json, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(status, body, (("Content-Type", "application/json"), *headers))


def page(status: int, title: str) -> Answer:
    """An HTML page as a proxy in front of fal would send it."""
    text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><hr>nginx</body></html>"
    return Answer(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))
