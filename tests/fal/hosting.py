"""A host of files as HTTP wants it, but for what a test sets: it breaks off, lies, drips, lacks ranges."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WHOLE = random.Random(7).randbytes(300_000)


@dataclass
class Host:
    """Serves one file as HTTP wants it, but for what a test sets."""

    content: bytes = WHOLE
    tag: str = '"one"'
    changed: str = ""
    statuses: list[int] = field(default_factory=list)
    # How many bytes of each answer arrive before the line is cut; then all.
    cuts: list[int] = field(default_factory=list)
    lies: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    conditions: bool = True
    announced: bool = True
    # The longest range that is answered; what was asked for need not be what comes.
    most: int | None = None
    pause: float = 0  # seconds after each byte
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def wanted(self, headers: Any) -> int | None:
        """The first byte asked for; None for all."""
        asked = headers.get("Range", "")
        self.asked.append((asked, headers.get("If-Range", "")))
        unchanged = headers.get("If-Range") in (self.tag, self.changed)
        if not asked or not self.ranges or (self.conditions and not unchanged):
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def answer(self, first: int | None) -> tuple[int, dict[str, str], bytes]:
        size = len(self.content)
        said = {"ETag": self.tag, "Last-Modified": self.changed}
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return status, {}, b""
        if first is None:
            status, body = 200, self.content
        elif first >= size:
            return 416, {"Content-Range": f"bytes */{size}"}, b""
        else:
            status, body = 206, self.content[first:][: self.most]
            said["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/{size}"
        if self.announced:
            said["Content-Length"] = str(len(body))
        return status, {**said, **(self.lies if status == 206 else {})}, body


@contextmanager
def serving(host: Host) -> Iterator[Host]:
    class Call(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

        def do_GET(self) -> None:
            status, said, body = host.answer(host.wanted(self.headers))
            self.send_response(status)
            for name, value in said.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            if host.cuts:
                self.wfile.write(body[: host.cuts.pop(0)])
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_WR)
            elif host.pause:
                drip(self.wfile, body, host.pause)
            else:
                self.wfile.write(body)

    with listening(Call) as host.url:
        yield host


@contextmanager
def listening(call: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on a port of its own; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), call) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def drip(out: Any, body: bytes, pause: float) -> None:
    with suppress(OSError):
        for byte in body:
            out.write(bytes([byte]))
            time.sleep(pause)
