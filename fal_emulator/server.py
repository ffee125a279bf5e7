"""The threaded HTTP server around the application, and `serve` for use from Python."""

import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from fal_emulator.app import App
from fal_emulator.exchange import Json
from fal_emulator.wire import is_reset
from fal_emulator.world import Settings, World


class QuietRequests(WSGIRequestHandler):
    """The standard request handler without its line per request; faults get at the connection itself."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "emulator.connection": self.connection}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per connection; daemons, so that an open stream cannot hold up the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def server_bind(self) -> None:
        """As the parent does, without asking a name server who we are."""
        socketserver.TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def shutdown_request(self, request: Any) -> None:
        """An orderly end would come before the reset that a fault wants."""
        if is_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Peers that go away are everyday life; only real faults are worth a word."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Emulator:
    """A running emulator, seen from the same process."""

    url: str
    app: App

    def journal(self) -> list[Json]:
        """One line per accepted submission, oldest first."""
        return self.app.world.book.lines()

    def requests(self) -> list[Json]:
        """The present state of every request."""
        return self.app.control.requests()

    def deliveries(self) -> list[Json]:
        """Every webhook attempt with its status code or error."""
        return list(self.app.world.book.deliveries)

    def oracle(self) -> list[Json]:
        """What became of each accepted request, in one row each."""
        return self.app.control.oracle()

    def follow(self, plan: Json) -> None:
        """Put a fault plan in force; `{}` ends all faults. Raises ValueError when it makes no sense."""
        self.app.world.faults.follow(plan)

    def faults(self) -> Json:
        """The plan in force, and what has been played of it."""
        return self.app.world.faults.report()

    def submits(self) -> list[Json]:
        """Every submit that named an endpoint, accepted or not, with the answer's status."""
        return list(self.app.world.submits)

    def lock(self, locked: bool = True) -> None:
        self.app.world.locked = locked

    def go_down(self, down: bool = True) -> None:
        self.app.world.down = down

    def finish(self, request_id: str) -> None:
        """End a run at once and well, whatever its fate."""
        request = self.app.world.book.find(request_id)
        if request is None:
            raise KeyError(request_id)
        self.app.runs.finish(request)


@contextmanager
def serve(
    data: Path,
    port: int = 0,
    *,
    speed: float = 1.0,
    host: str = "127.0.0.1",
    public_url: str | None = None,
    user_id: str = "emulator-account",
    running: int | None = None,
    small_clips: bool = False,
    list_lag: float = 0.0,
    faults: Json = None,
) -> Iterator[Emulator]:
    """Run an emulator in threads of this process; port 0 picks a free one. Options as on the command line."""
    public = public_url.rstrip("/") if public_url else None
    world = World(Settings(Path(data), speed, public, user_id, running, small_clips, list_lag))
    if faults is not None:
        world.faults.begin(faults)
    app = App(world)
    try:
        with Server((host, port), QuietRequests) as server:
            server.set_app(app)
            world.url = f"http://{reachable(host)}:{server.server_port}"
            app.runs.resume()
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            try:
                yield Emulator(world.url, app)
            finally:
                server.shutdown()
                thread.join()
    finally:
        app.close()


def reachable(host: str) -> str:
    """A name under which a server bound to every address can be called."""
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared with, not bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
