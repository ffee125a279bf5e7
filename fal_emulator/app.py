"""Which part answers which address: the WSGI application."""

import sys
import traceback
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from fal_emulator.cdn import Cdn
from fal_emulator.control import PREFIX, REFUSED, Control
from fal_emulator.downloads import counted
from fal_emulator.exchange import Answer, Call, HangUp, json_answer, read_call
from fal_emulator.follow_ups import ADDRESS, FollowUps
from fal_emulator.platform import Platform
from fal_emulator.runs import Runs
from fal_emulator.spoils import Scene, spoiled, without_effect
from fal_emulator.submits import Submits
from fal_emulator.visits import visit_of
from fal_emulator.webhooks import Webhooks
from fal_emulator.wire import send
from fal_emulator.world import World


class App:
    """All of fal's hosts on one port, and the control surface beside them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.webhooks = Webhooks(world)
        self.runs = Runs(world, self.webhooks)
        self.submits = Submits(world, self.runs)
        self.follow_ups = FollowUps(world, self.runs)
        self.cdn = Cdn(world)
        self.platform = Platform(world)
        self.control = Control(world, self.runs, self.webhooks)
        self._routes: dict[str, Callable[[Call], Answer]] = {
            "/.well-known/jwks.json": self.keys,
            "/v1/": self.platform.answer,
            "/files/": self.cdn.files,
            "/storage/": self.cdn.storage,
        }

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        call = read_call(environ, self.world.settings.public_url)
        try:
            answer = self.route(call)
        except HangUp:
            raise
        except Exception:  # noqa: BLE001 - a fault of our own: say so, and keep serving
            traceback.print_exc(file=sys.stderr)
            answer = json_answer(500, {"detail": "Internal error", "error_type": "internal_error"})
        if answer.manner and call.connection:
            send(call.connection, answer, self.world.stopping)
        headers = list(answer.headers)
        if answer.stream is None:
            headers.append(("Content-Length", str(len(answer.body))))
        start(answer.status_line, headers)
        return [answer.body] if answer.stream is None else answer.stream

    def route(self, call: Call) -> Answer:
        if call.path.startswith(PREFIX):
            return self.control.answer(call)
        if outage := self.world.outage:
            scene = Scene("outage", call, self.world.faults.plan.pace)
            kind = "rst" if outage == REFUSED else without_effect(outage)  # came in by the other door
            return spoiled(kind, scene, lambda: Answer(200))
        visit = visit_of(call, self.world.book)
        answer = self.world.met(visit, call, lambda: self.plain(call)) if visit else self.plain(call)
        return counted(call, answer, self.world.book) if visit and visit.place == "download" else answer

    def plain(self, call: Call) -> Answer:
        """As fal on a good day."""
        for start, answer in self._routes.items():
            if call.path.startswith(start):
                return answer(call)
        if address := ADDRESS.match(call.path):
            return self.follow_ups.answer(call, address)
        return self.submits.post(call)

    def keys(self, call: Call) -> Answer:
        return self.world.key_set.answer(call, self.world.faults.plan.pace)

    def close(self) -> None:
        self.world.stop()
        self.webhooks.close()
