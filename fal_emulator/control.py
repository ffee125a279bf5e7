"""The emulator's own surface under /_emulator/: looking inside, and causing trouble. Not fal's."""

from urllib.parse import urlsplit

from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.fates import FATES
from fal_emulator.requests import Request, iso
from fal_emulator.runs import Runs
from fal_emulator.world import World

PREFIX = "/_emulator/"


class Control:
    """Needs no key: whoever reaches the port may look and pull levers."""

    def __init__(self, world: World, runs: Runs) -> None:
        self.world = world
        self.runs = runs

    def answer(self, call: Call) -> Answer:
        name = call.path.removeprefix(PREFIX).strip("/")
        if call.method == "GET":
            return self._look(name)
        if call.method == "POST":
            return self._pull(name, call)
        return json_answer(405, {"detail": "Method Not Allowed"})

    def requests(self) -> list[Json]:
        return [summary(request) for request in self.world.book.all()]

    def oracle(self) -> list[Json]:
        return [oracle_row(request) for request in self.world.book.all()]

    def _look(self, name: str) -> Answer:
        views: dict[str, Json] = {
            "journal": self.world.book.lines,
            "requests": self.requests,
            "oracle": self.oracle,
            "deliveries": lambda: list(self.world.book.deliveries),
            "faults": self.world.faults.report,
            "submits": lambda: list(self.world.submits),
            "fates": lambda: [{"word": fate.word, "story": fate.story} for fate in FATES],
            "account": lambda: {"locked": self.world.locked},
            "outage": lambda: {"down": self.world.down},
        }
        if name not in views:
            return json_answer(404, {"detail": "Not Found", "views": sorted(views)})
        return json_answer(200, views[name]())

    def _pull(self, name: str, call: Call) -> Answer:
        try:
            wish = call.json() if call.body else {}
            if name == "faults":
                return self._follow(wish)
            if name == "account":
                self.world.locked = bool(wish["locked"])
                return self._look(name)
            if name == "outage":
                self.world.down = bool(wish["down"])
                return self._look(name)
        except (ValueError, KeyError, TypeError):
            return json_answer(422, {"detail": "account wants locked, outage wants down"})
        return self._finish(name)

    def _follow(self, plan: Json) -> Answer:
        try:
            self.world.faults.follow(plan)
        except ValueError as error:
            return json_answer(422, {"detail": str(error)})
        return self._look("faults")

    def _finish(self, name: str) -> Answer:
        """POST requests/<id>/finish ends a run at once, even one that would never end."""
        parts = name.split("/")
        known = self.world.book.find(parts[1]) if len(parts) == 3 else None
        if known is None or parts[0] != "requests" or parts[2] != "finish":
            return json_answer(404, {"detail": "Not Found"})
        self.runs.finish(known)
        return json_answer(200, summary(known))


def summary(request: Request) -> Json:
    return {
        "request_id": request.id,
        "endpoint": request.endpoint.id,
        "state": request.state,
        "status_code": request.outcome.status if request.outcome else None,
        "cancelling": request.cancelling,
        "accepted_at": iso(request.accepted_at),
        "ended_at": iso(request.ended_at) if request.ended_at else None,
        "webhook": request.webhook,
        "delivered": request.delivered,
        "digest": request.digest,
        "clip": request.clip.address if request.clip else None,
    }


def oracle_row(request: Request) -> Json:
    """What a checker must know of a request, flat and from the journal alone."""
    return {
        "request_id": request.id,
        "endpoint": request.endpoint.id,
        "prompt": request.given.get("prompt"),
        "seed": request.given.get("seed"),
        "webhook": request.webhook,
        "token": token_of(request.webhook),
        "fates": request.fates,
        "state": request.state,
        "status_code": request.outcome.status if request.outcome else None,
        "accepted_at": request.accepted_at,
        "ended_at": request.ended_at,
        "attempts": request.attempts,
        "delivered": request.taken,
        "cancels": request.cancels,
        "downloads": request.downloads,
        "served": request.served,
        "served_whole": request.served_whole,
        "clip_size": request.clip_size if request.clip else None,
        "clip_sha256": request.clip_sha256 if request.clip else None,
        "digest": request.digest,
    }


def token_of(webhook: str | None) -> str | None:
    """The last part of the webhook's path: where a caller puts what it recognises its request by."""
    return urlsplit(webhook).path.rstrip("/").rpartition("/")[2] if webhook else None
