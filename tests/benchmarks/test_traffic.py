"""The load generator, in front of a server that says what it was told to."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle

import pytest

from benchmarks.traffic import burst, post


class Parrot(BaseHTTPRequestHandler):
    """Answers with the status that the path names, after reading the whole body."""

    protocol_version = "HTTP/1.1"
    heard: list[bytes] = []

    def do_POST(self):
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        status = int(self.path.strip("/"))
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object):  # noqa: A002 - the parent's name
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Parrot.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_every_request_is_sent_once_and_every_answer_counted_by_its_status(port: int):
    requests = [
        post(port, f"/{status}/", str(number).encode(), [("X-Proof", "1")])
        for number, status in enumerate([200, 401, 409] * 10)
    ]
    found = burst(port, iter(requests), seconds=30, connections=4)
    assert found.statuses == {200: 10, 401: 10, 409: 10}
    assert sorted(map(int, Parrot.heard)) == list(range(30))
    assert 0 < found.wait_of(0.5) <= found.wait_of(0.99) < 30


def test_a_burst_ends_with_its_time_and_waits_for_what_is_owed(port: int):
    found = burst(port, cycle([post(port, "/200/", b"{}", [])]), seconds=0.3, connections=3)
    assert 0.3 <= found.seconds < 5
    assert found.statuses.total() == len(Parrot.heard) > 3
    assert found.rate == pytest.approx(found.statuses.total() / found.seconds)
