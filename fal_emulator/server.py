"""The threaded HTTP server around the application, and `serve` for use from Python."""

import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from fal_emulator.app import App
from fal_emulator.exchange import Json
from fal_emulator.requests import Request
from fal_emulator.webhooks import Again
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


class Door:
    """A port behind which the application can be reached, or nobody."""

    def __init__(self, app: App, host: str, port: int) -> None:
        self._app, self._host, self.port = app, host, port
        self._server: Server | None = None
        self._thread = threading.Thread()

    def open(self) -> None:
        if self._server:
            return
        self._server = server = Server((self._host, self.port), QuietRequests)
        server.set_app(self._app)
        self.port = server.server_port
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """New connections are refused from now on; those that are open go on."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            self._thread.join()
            server.server_close()


@dataclass(frozen=True)
class Emulator:
    """A running emulator, seen from the same process."""

    url: str
    app: App
    control_url: str = ""  # where the control surface can be reached during any outage

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
        self.app.control.account(locked=locked)

    def sign_as(self, user_id: str) -> None:
        """Name this account in every webhook from now on."""
        self.app.control.account(user_id=user_id)

    def go_down(self, down: bool = True, kind: str = "503") -> None:
        """An outage in which every call meets this kind of fault, without any effect, or is `refused`."""
        self.app.control.outage(down=down, **{"as": kind})

    def drop_webhooks(self, dropped: bool = True) -> None:
        """Lose every webhook that comes due from now on, for good."""
        self.app.control.drop_webhooks(dropped=dropped)

    def rotate_keys(self, old_for: float | None = None) -> None:
        """Sign with a new key; the old one stays published for so many emulated seconds (None: for ever)."""
        self.app.control.keys(rotate=True, old_for=old_for)

    def retire_keys(self) -> None:
        """Publish the signing key alone."""
        self.app.control.keys(retire=True)

    def serve_keys(self, manner: str = "good") -> None:
        """Serve the key set as one of `keysets.MANNERS`, or as a kind of fault: 503, stall, huge."""
        self.app.control.keys(serve=manner)

    def deliver(self, request_id: str, **wish: Json) -> list[int | None]:
        """Send a webhook once more, as `webhooks.Again` says; the status codes that came back."""
        return self.app.webhooks.again(self._request(request_id), Again(**wish))

    def finish(self, request_id: str) -> None:
        """End a run at once and well, whatever its fate."""
        self.app.runs.finish(self._request(request_id))

    def _request(self, request_id: str) -> Request:
        request = self.app.world.book.find(request_id)
        if request is None:
            raise KeyError(request_id)
        return request


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
    control_port: int | None = None,
) -> Iterator[Emulator]:
    """Run an emulator in threads of this process; port 0 picks a free one. Options as on the command line."""
    public = public_url.rstrip("/") if public_url else None
    world = World(Settings(Path(data), speed, public, user_id, running, small_clips, list_lag))
    if faults is not None:
        world.faults.begin(faults)
    app = App(world)
    doors = [Door(app, host, port)]
    try:
        doors[0].open()
        world.url = f"http://{reachable(host)}:{doors[0].port}"
        if control_port is not None:
            doors.append(Door(app, host, control_port))
            doors[1].open()
        world.listen = listening(doors)
        app.runs.resume()
        yield Emulator(world.url, app, f"http://{reachable(host)}:{doors[-1].port}")
    finally:
        for door in doors:
            door.close()
        app.close()


def listening(doors: list[Door]) -> Callable[[bool], None]:
    """The lever that closes the first door: whoever pulls it over HTTP needs a second one to come back."""

    def listen(yes: bool) -> None:
        if yes:
            doors[0].open()
        else:
            doors[0].close()

    return listen


def reachable(host: str) -> str:
    """A name under which a server bound to every address can be called."""
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared with, not bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
