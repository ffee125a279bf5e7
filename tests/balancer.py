"""A load balancer of a few lines: hands each new connection to the next process that takes part."""

import contextlib
import itertools
import selectors
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Balancer(socketserver.ThreadingTCPServer):
    """`taking_part` may change at any time; what is connected stays connected."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.taking_part: list[int] = []
        self.connected: Counter[int] = Counter()
        self.turn = itertools.count()
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @contextmanager
    def chosen(self) -> Iterator[int]:
        with self.lock:
            port = self.taking_part[next(self.turn) % len(self.taking_part)]
            self.connected[port] += 1
        try:
            yield port
        finally:
            with self.lock:
                self.connected[port] -= 1


class Connection(socketserver.BaseRequestHandler):
    """Bytes there and back until one side has said all."""

    server: Balancer

    def handle(self) -> None:
        with (
            self.server.chosen() as port,
            socket.create_connection(("127.0.0.1", port)) as process,
            contextlib.suppress(OSError),  # somebody hung up
            selectors.DefaultSelector() as both,
        ):
            both.register(self.request, selectors.EVENT_READ, process)
            both.register(process, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in both.select():
                    said = key.fileobj.recv(65536)  # type: ignore[union-attr]  # a socket, as registered
                    if not said:
                        return
                    key.data.sendall(said)


@contextmanager
def balancing() -> Iterator[Balancer]:
    """A balancer on a port of its own."""
    with Balancer() as balancer:
        thread = threading.Thread(target=balancer.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield balancer
        finally:
            balancer.shutdown()
            thread.join()
