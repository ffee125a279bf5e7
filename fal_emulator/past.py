"""The platform's list of past and present requests, newest first, some time behind the queue."""

import time
from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from itertools import islice

from fal_emulator.asking import PlatformFault, cursor_of, endpoint_named, limit_of, listed, next_cursor, span
from fal_emulator.exchange import Call, Json
from fal_emulator.requests import Request, iso
from fal_emulator.results import result_of
from fal_emulator.world import World

MOST = 100  # requests on one page


class PastRequests:
    def __init__(self, world: World) -> None:
        self.world = world

    def by_endpoint(self, call: Call) -> Json:
        names = listed(call, "endpoint_id")
        if not names:
            raise PlatformFault(400, "validation_error", "endpoint_id is required.")
        for name in names:
            endpoint_named(name)
        limit = limit_of(call, MOST)
        page = list(islice(self.wanted(call, names), limit + 1))
        shown, more = page[:limit], len(page) > limit
        return {
            "items": [self.item(request, call) for request in shown],
            "next_cursor": next_cursor(shown[-1].number) if more else None,
            "has_more": more,
        }

    def wanted(self, call: Call, names: list[str]) -> Iterator[Request]:
        """What the call's filters leave, newest first, from its cursor on."""
        ids, verdicts = listed(call, "request_id"), listed(call, "status")
        start, end = span(call)
        below = cursor_of(call)
        for request in self.named(ids, names) if ids else self.within(names, start, end):
            if (
                (below is None or request.number < below)
                and (not verdicts or verdict(request) in verdicts)
                and not request.effect.unlisted
                and self.visible(request)
            ):
                yield request

    def named(self, ids: list[str], names: list[str]) -> Iterator[Request]:
        found = filter(None, (self.world.book.find(each) for each in dict.fromkeys(ids)))
        chosen = [request for request in found if request.endpoint.id in names]
        yield from sorted(chosen, key=lambda request: -request.number)

    def within(self, names: list[str], start: float, end: float) -> Iterator[Request]:
        """All of these endpoints that came between two moments; others are not even looked at."""
        lines = [self.between(name, start, end) for name in dict.fromkeys(names)]
        return merge(*lines, key=lambda request: -request.number)

    def between(self, name: str, start: float, end: float) -> Iterator[Request]:
        line = self.world.book.of_endpoint(name)
        place = bisect_left(line, end, key=lambda request: request.accepted_at)
        while place > 0:
            place -= 1
            if line[place].accepted_at < start:
                return
            yield line[place]

    def visible(self, request: Request) -> bool:
        """Whether the list knows it by now."""
        lag = self.world.timeline.real(self.world.settings.list_lag)
        return request.accepted_at <= time.time() - lag

    def item(self, request: Request, call: Call) -> Json:
        started = request.started_at or request.accepted_at
        item: Json = {
            "request_id": request.id,
            "endpoint_id": request.endpoint.id,
            "sent_at": iso(request.accepted_at),
            "started_at": iso(started),
            "ended_at": iso(request.ended_at) if request.ended_at else None,
            "status_code": request.outcome.status if request.outcome else None,
            "duration": round(request.ended_at - started, 3) if request.ended_at else None,
        }
        if "payloads" in listed(call, "expand") and request.stored:
            item["json_input"] = request.given
            if request.outcome and not request.effect.unkept:
                item["json_output"] = result_of(request, call.base, self.world.files)
        return item


def verdict(request: Request) -> str:
    """fal's three classes of ended requests; an open one has none."""
    if request.outcome is None:
        return "open"
    status = request.outcome.status
    return "success" if status == 200 else "error" if status >= 500 else "user_error"
