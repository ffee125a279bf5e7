"""A small load generator: a few keep-alive connections, each with one request under way, on one thread.

It sends bytes that were made beforehand and reads only the status of an answer, so that one core serves
it many times over; `Burst.busy` says how much of the core it used.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from config.demo.ports import LOOPBACK

CONNECTIONS = 16
PATIENCE = 10.0  # seconds for answers that are still owed when the time is over


@dataclass
class Burst:
    """What came of one turn."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    busy: float = 0.0  # share of its core that the generator itself used
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers of any kind per second."""
        return self.statuses.total() / self.seconds

    def wait_of(self, share: float) -> float:
        """The wait in seconds that this share of requests did not exceed."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))]


class _Line:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.answer, self.sent_at = b"", time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status, once the answer is whole. ConnectionError when it will never be."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server hung up")
        self.answer += piece
        head, blank, body = self.answer.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
        return int(head[9:12]) if len(body) >= length else None


def burst(port: int, requests: Iterator[bytes], seconds: float, connections: int = CONNECTIONS) -> Burst:
    """Send until the time is over or nothing is left, and wait for what is owed."""
    lines = [_Line(port) for _ in range(connections)]
    selector = selectors.DefaultSelector()
    found = Burst()
    begun, used = time.perf_counter(), time.thread_time()
    try:
        for line in lines:
            if request := next(requests, None):
                selector.register(line.socket, selectors.EVENT_READ, line)
                line.send(request)
        while selector.get_map():
            _serve(selector, requests, found, until=begun + seconds)
    finally:
        for line in lines:
            line.socket.close()
        selector.close()
    found.seconds = time.perf_counter() - begun
    found.busy = (time.thread_time() - used) / found.seconds
    return found


def _serve(selector: selectors.BaseSelector, requests: Iterator[bytes], found: Burst, until: float) -> None:
    ready = selector.select(PATIENCE)
    if not ready:
        raise TimeoutError("the server answers no more")
    for key, _ in ready:
        line: _Line = key.data
        if (status := line.receive()) is None:
            continue
        now = time.perf_counter()
        found.statuses[status] += 1
        found.waits.append(now - line.sent_at)
        request = next(requests, None) if now < until else None
        if request is None:
            selector.unregister(line.socket)
        else:
            line.send(request)


def post(port: int, path: str, body: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """A POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {LOOPBACK}:{port}", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
