"""POST /<endpoint id>: taking a request in, or turning it away."""

import time
import uuid
from collections.abc import Callable

from fal_emulator import fates, gate
from fal_emulator.endpoints import ENDPOINTS, Endpoint
from fal_emulator.exchange import Answer, Call, HangUp, Json, json_answer, page
from fal_emulator.failures import problem
from fal_emulator.requests import Request, digest_of, iso, kept
from fal_emulator.results import addresses
from fal_emulator.runs import Runs
from fal_emulator.validation import Unacceptable, checked
from fal_emulator.world import World

BUSY_TIMES = 2  # how often the busy fate says no before it says yes


class Submits:
    def __init__(self, world: World, runs: Runs) -> None:
        self.world = world
        self.runs = runs

    def post(self, call: Call) -> Answer:
        endpoint = ENDPOINTS.get(call.path.strip("/"))
        if refused := gate.refusal(call):
            return refused
        if endpoint is None:
            return json_answer(404, {"detail": f"Application '{call.path.strip('/')}' not found"})
        if call.method != "POST":
            return json_answer(405, {"detail": "Method Not Allowed"})
        try:
            given = call.json()
        except ValueError:
            detail = [problem("json_invalid", ["body"], "JSON decode error")]
            return json_answer(422, {"detail": detail})
        return self._noted(endpoint, given, lambda: self._consider(endpoint, given, call))

    def _noted(self, endpoint: Endpoint, given: Json, decide: Callable[[], Answer]) -> Answer:
        """Keep a line for every submit that came this far, accepted or not."""
        line = {
            "endpoint": endpoint.id,
            "time": iso(time.time()),
            "digest": digest_of(given),
        }
        status: int | None = None
        try:
            answer = decide()
            status = answer.status
            return answer
        finally:
            self.world.submits.append({**line, "answer": status})

    def _consider(self, endpoint: Endpoint, given: Json, call: Call) -> Answer:
        effect = fates.effect_of(given.get("prompt") if isinstance(given, dict) else None)
        if refused := self._turned_away(effect, given, endpoint, call):
            return refused
        try:
            values = checked(endpoint, given, self.world.media(call.base))
        except Unacceptable as fault:
            return json_answer(422, {"detail": fault.detail})
        if effect.refusal == "invalid":
            fault_found = problem("value_error", ["body", "prompt"], "The prompt was rejected.")
            return json_answer(422, {"detail": [fault_found]})
        request = Request(
            id=str(uuid.uuid4()),
            endpoint=endpoint,
            given=given,
            values=values,
            webhook=call.asked("fal_webhook"),
            base=call.base,
            headers=kept(call.headers),
            accepted_at=time.time(),
        )
        return self._accept(request)

    def _turned_away(
        self, effect: fates.Effect, given: Json, endpoint: Endpoint, call: Call
    ) -> Answer | None:
        """Everything that keeps a well-formed submit out."""
        if effect.refusal == "hang up":
            raise HangUp
        if effect.refusal == "unavailable":
            return page(503, "503 Service Temporarily Unavailable")
        if locked := gate.lock(self.world, effect.refusal == "locked"):
            return locked
        if effect.refusal == "busy" and self._still_busy(digest_of(given)):
            body = {"detail": "Too many requests.", "error_type": "rate_limited"}
            return json_answer(429, body, [("Retry-After", "1")])
        return self._too_long(endpoint, call.asked("fal_max_queue_length"))

    def _still_busy(self, digest: str) -> bool:
        with self.world.book.lock:
            self.world.busy[digest] += 1
            return self.world.busy[digest] <= BUSY_TIMES

    def _too_long(self, endpoint: Endpoint, limit: str | None) -> Answer | None:
        if limit is None or not limit.isdigit():
            return None
        waiting = sum(
            request.state == "IN_QUEUE" and request.endpoint.id == endpoint.id
            for request in self.world.book.open()
        )
        if waiting <= int(limit):
            return None
        body = {
            "detail": f"The queue holds {waiting} requests.",
            "error_type": "queue_full",
        }
        return json_answer(429, body)

    def _accept(self, request: Request) -> Answer:
        """From the journal line on, fal owes a result, whatever the caller gets to hear."""
        self.world.book.add(request)
        if request.effect.early:
            self.runs.complete_now(request)
        else:
            self.runs.schedule(request)
        if request.effect.reply == "nothing":
            raise HangUp
        if request.effect.reply == "page":
            return page(200, "Welcome")
        if request.effect.reply == "bad gateway":
            return page(502, "502 Bad Gateway")
        body = {
            "status": "IN_QUEUE",
            "request_id": request.id,
            "gateway_request_id": request.id,
            **addresses(request, request.base),
            "queue_position": self.world.book.ahead_of(request),
        }
        return json_answer(200, body, [("x-fal-request-id", request.id)])
