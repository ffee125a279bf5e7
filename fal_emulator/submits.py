"""POST /<endpoint id>: taking a request in, or turning it away."""

import time
import uuid

from fal_emulator import fates, gate
from fal_emulator.endpoints import ENDPOINTS, Endpoint
from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.failures import problem
from fal_emulator.faults import Visit
from fal_emulator.requests import Request, digest_of, iso, kept
from fal_emulator.results import addresses
from fal_emulator.runs import Runs
from fal_emulator.validation import Unacceptable, checked
from fal_emulator.world import World


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
        return self._noted(endpoint, given, call)

    def _noted(self, endpoint: Endpoint, given: Json, call: Call) -> Answer:
        """Keep a line for every submit that came this far, accepted or not."""
        digest = digest_of(given)
        line = {"endpoint": endpoint.id, "time": iso(time.time()), "digest": digest}
        prompt = given.get("prompt") if isinstance(given, dict) else None
        fate = fates.effect_of(fates.words_in(prompt))
        visit = Visit("submit", f"{endpoint.id} {prompt}", digest, fate)
        answer = self.world.met(visit, call, lambda: self._consider(endpoint, given, call))
        self.world.submits.append({**line, "answer": answer.heard, "fault": answer.fault})
        return answer

    def _consider(self, endpoint: Endpoint, given: Json, call: Call) -> Answer:
        if locked := gate.lock(self.world):
            return locked
        if full := self._too_long(endpoint, call.asked("fal_max_queue_length")):
            return full
        try:
            values = checked(endpoint, given, self.world.media(call.base))
        except Unacceptable as fault:
            return json_answer(422, {"detail": fault.detail})
        request = Request(
            id=str(uuid.uuid4()),
            endpoint=endpoint,
            given=given,
            values=values,
            webhook=call.asked("fal_webhook"),
            base=call.base,
            headers=kept(call.headers),
            accepted_at=round(time.time(), 6),  # as much as the journal keeps
            fates=fates.words_in(values.get("prompt")),
        )
        return self._accept(request)

    def _too_long(self, endpoint: Endpoint, limit: str | None) -> Answer | None:
        if limit is None or not limit.isdigit():
            return None
        waiting = self.world.book.waiting(endpoint.id)
        if waiting <= int(limit):
            return None
        body = {
            "detail": f"The queue holds {waiting} requests.",
            "error_type": "queue_full",
        }
        return json_answer(429, body)

    def _accept(self, request: Request) -> Answer:
        """From the journal line on, fal owes a result, whatever the caller gets to hear."""
        self.world.book.name(request)
        if drawn := self.world.faults.destiny(request.subject):
            request.doom(request.fates + [word for word in drawn if word not in request.fates])
        self.world.book.add(request)
        if request.effect.early:
            self.runs.complete_now(request)
        else:
            self.runs.schedule(request)
        body = {
            "status": "IN_QUEUE",
            "request_id": request.id,
            "gateway_request_id": request.id,
            **addresses(request, request.base),
            "queue_position": self.world.book.ahead_of(request),
        }
        return json_answer(200, body, [("x-fal-request-id", request.id)])
