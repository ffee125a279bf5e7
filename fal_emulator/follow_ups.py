"""Status, status stream, result and cancel of a request, under every documented address."""

import json
import re
import time
from collections.abc import Iterator

from fal_emulator import gate
from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.failures import Outcome
from fal_emulator.requests import Request
from fal_emulator.results import result_of, status_of
from fal_emulator.runs import Runs
from fal_emulator.world import World

ADDRESS = re.compile(
    r"^/(?P<app>[^/]+/[^/]+(?:/[^/]+)*?)/requests/(?P<id>[^/]+)"
    r"(?P<what>|/response|/status|/status/stream|/cancel)/?$"
)
NOT_FOUND = {"status": "NOT_FOUND", "detail": "Request not found"}
STREAM_PAUSE = 0.5  # emulated seconds between two looks at the status


class FollowUps:
    def __init__(self, world: World, runs: Runs) -> None:
        self.world = world
        self.runs = runs

    def answer(self, call: Call, address: re.Match[str]) -> Answer:
        if refused := gate.refusal(call):
            return refused
        request = self.world.book.find(address["id"])
        if request is None or address["app"] not in (request.endpoint.app, request.endpoint.id):
            return json_answer(404, NOT_FOUND)
        method, answer = {
            "/cancel": ("PUT", self.cancel),
            "/status": ("GET", self.status),
            "/status/stream": ("GET", self.stream),
        }.get(address["what"], ("GET", self.result))
        if call.method != method:
            return json_answer(405, {"detail": "Method Not Allowed"})
        return answer(request, call)

    def status(self, request: Request, call: Call) -> Answer:
        status, body = status_of(request, self.world.book, call.base, wants_logs(call))
        return json_answer(status, body, [("x-fal-request-id", request.id)])

    def stream(self, request: Request, call: Call) -> Answer:
        kind = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"))
        return Answer(200, headers=kind, stream=self.events(request, call))

    def cancel(self, request: Request, call: Call) -> Answer:
        word = self.runs.cancel(request)
        return json_answer(400 if word == "ALREADY_COMPLETED" else 202, {"status": word})

    def events(self, request: Request, call: Call) -> Iterator[bytes]:
        """One event for each change of the status, until it is COMPLETED."""
        last = b""
        while not self.world.stopping.is_set():
            done = request.state == "COMPLETED"
            _, body = status_of(request, self.world.book, call.base, wants_logs(call))
            event = b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"
            if event != last:
                yield event
            if done:
                return
            last = event
            time.sleep(max(0.01, self.world.timeline.real(STREAM_PAUSE)))

    def result(self, request: Request, call: Call) -> Answer:
        known = ("x-fal-request-id", request.id)
        end = request.outcome
        if request.state != "COMPLETED" or end is None:
            return json_answer(400, {"detail": "Request is still in progress"}, [known])
        body = result_of(request, call.base, self.world.files)
        if end.good:
            return json_answer(200, body, [known, ("X-Fal-Billable-Units", f"{end.units:g}")])
        return json_answer(end.status, body, [known, *error_headers(end, body)])


def error_headers(end: Outcome, body: Json) -> list[tuple[str, str]]:
    kind = end.error_type or body["detail"][0]["type"]
    headers = [("X-Fal-Error-Type", kind)]
    headers.append(("X-Fal-Retryable", "true" if end.retryable else "false"))
    if kind == "startup_timeout":  # the caller's own deadline: its clients must not retry
        headers.append(("X-Fal-Request-Timeout-Type", "user"))
    return headers


def wants_logs(call: Call) -> bool:
    return (call.asked("logs") or "").lower() in ("1", "true")
