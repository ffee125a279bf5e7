"""fal during an outage: answers nothing but a proxy's page, and counts who asked."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from config.demo.ports import LOOPBACK

PAGE = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


@dataclass(frozen=True)
class Knock:
    """One call, and when."""

    at: float  # time.time()
    method: str
    path: str


class DeadFal:
    """Stands on fal's port while fal is away."""

    def __init__(self, port: int) -> None:
        self.knocks: list[Knock] = []
        knocks = self.knocks

        class Silence(BaseHTTPRequestHandler):
            def answer(self) -> None:
                knocks.append(Knock(time.time(), self.command, self.path.partition("?")[0]))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(503)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
                """Knocks are kept, not printed."""

        self.server = ThreadingHTTPServer((LOOPBACK, port), Silence)
        self.began = time.time()
        self.ended = 0.0
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
        self.ended = time.time()

    def tries(self) -> Counter[str]:
        """Calls by method."""
        return Counter(knock.method for knock in self.knocks)
