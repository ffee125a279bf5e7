"""The life of an accepted request: waiting, running, making the clip, ending, being cancelled."""

import sys
import time
import traceback
import uuid
from typing import Literal

from fal_emulator import archive, clips
from fal_emulator.endpoints import charge
from fal_emulator.failures import FAILURES, Outcome, outcome_of
from fal_emulator.files import StoredFile, lifetime_in
from fal_emulator.orders import order_for
from fal_emulator.requests import Request
from fal_emulator.webhooks import Webhooks
from fal_emulator.world import World

QUEUED = 2.0  # emulated seconds before a run starts
SHORTEST_RUN, LONGEST_RUN = 4.0, 8.0
CANCEL_DELAY = 0.5  # a running request needs a moment to notice that it is not wanted

Cancelled = Literal["CANCELLATION_REQUESTED", "ALREADY_COMPLETED"]


class Runs:
    """Moves requests through their states; every move is made under the book's lock."""

    def __init__(self, world: World, webhooks: Webhooks) -> None:
        self.world = world
        self.webhooks = webhooks

    def schedule(self, request: Request) -> None:
        self.world.timeline.after(QUEUED, lambda: self.start(request))

    def resume(self) -> None:
        """After a restart: open requests run again, webhooks nobody took are sent again."""
        for request in self.world.book.all():
            request.base = self.world.present_base(request.base)
            if request.state != "COMPLETED":
                self.schedule(request)
            elif not request.delivered:
                self.webhooks.send(request)

    def start(self, request: Request) -> None:
        with self.world.book.lock:
            if request.state != "IN_QUEUE":
                return
            request.state, request.started_at = "IN_PROGRESS", time.time()
            request.log("Runner assigned, generation started.")
            if request.effect.odd:
                request.log("A line of a kind nobody announced.", level="FLUMMOXED")
        if out_of_patience(request):
            self.fail(request, "startup_timeout")
        elif request.effect.failure:
            kind = request.effect.failure
            self.world.timeline.after(run_time(request), lambda: self.fail(request, kind))
        elif not request.effect.endless:
            due = time.monotonic() + self.world.timeline.real(run_time(request))
            self.world.renderers.hand(lambda: self.render(request, due))

    def render(self, request: Request, due: float) -> None:
        """Make the clip while the run is said to last, and end with whichever takes longer."""
        clip = self.make_clip(request)
        if clip:
            left = max(0.0, due - time.monotonic()) * self.world.timeline.speed
            self.world.timeline.after(left, lambda: self.succeed(request, clip))

    def make_clip(self, request: Request) -> StoredFile | None:
        """The clip in the file store; None when nobody wants it, or it could not be made."""

        def unwanted() -> bool:
            return request.state == "COMPLETED" or self.world.stopping.is_set()

        if unwanted():
            return None
        file = self.world.files.reserve(
            "output.mp4", "video/mp4", lifetime(request), cut_once=request.effect.cut_once
        )
        try:
            order = order_for(request, self.world.media(request.base))
            request.clip_size = archive.deliver(order, self.world.files.path(file), unwanted)
        except clips.Abandoned:
            return None
        except Exception:  # noqa: BLE001 - whatever a picture did to the encoder: a crashed run, not a stuck one
            traceback.print_exc(file=sys.stderr)
            self.fail(request, "runner_server_error")
            return None
        return file

    def complete_now(self, request: Request) -> None:
        """For the early fate: everything happens before the submit is answered."""
        request.started_at = time.time()
        kind = request.effect.failure
        if kind is None and (clip := self.make_clip(request)):
            request.clip = clip
            seconds, _ = charge(request.endpoint, request.values)
            end = Outcome(200, None, units=seconds)
        else:
            end = self.failed(request, kind or "runner_server_error")
        if self.end(request, end) and request.webhook and request.effect.webhook:
            self.webhooks.first_round(request)

    def succeed(self, request: Request, clip: StoredFile) -> None:
        seconds, _ = charge(request.endpoint, request.values)
        with self.world.book.lock:
            if request.state == "COMPLETED":
                self.world.files.remove(clip)
                return
            request.clip = clip
        if self.end(request, Outcome(200, None, units=seconds)):
            self.webhooks.send(request)

    def fail(self, request: Request, kind: str) -> None:
        if self.end(request, self.failed(request, kind)):
            self.webhooks.send(request)

    def failed(self, request: Request, kind: str) -> Outcome:
        media = request.endpoint.media
        blamed = media[0].name if kind.startswith("image") and media else "prompt"
        return outcome_of(FAILURES[kind], blamed, request.given.get(blamed))

    def end(self, request: Request, outcome: Outcome) -> bool:
        """Whether this call was the one that ended the request."""
        with self.world.book.lock:
            if request.state == "COMPLETED" or self.world.stopping.is_set():
                return False
            request.outcome, request.ended_at = outcome, time.time()
            request.log("Generation finished." if outcome.good else "Generation ended in an error.")
            request.state = "COMPLETED"
            self.world.book.note_end(request)
        return True

    def cancel(self, request: Request) -> Cancelled:
        with self.world.book.lock:
            if request.state == "COMPLETED":
                return "ALREADY_COMPLETED"
            request.cancelling = True
            waiting = request.state == "IN_QUEUE"
        if not request.effect.cancellable:
            return "CANCELLATION_REQUESTED"
        if waiting:
            self.fail(request, "client_cancelled")
        else:
            delay = CANCEL_DELAY
            self.world.timeline.after(delay, lambda: self.fail(request, "client_cancelled"))
        return "CANCELLATION_REQUESTED"

    def finish(self, request: Request) -> None:
        """End a run at once and well, whatever its pace: a lever for tests."""
        if request.state != "COMPLETED" and (clip := self.make_clip(request)):
            self.succeed(request, clip)


def run_time(request: Request) -> float:
    """Emulated seconds; differs between requests, and is the same again after a restart."""
    share = uuid.UUID(request.id).int % 1000 / 1000
    return (SHORTEST_RUN + share * (LONGEST_RUN - SHORTEST_RUN)) * request.effect.pace


def out_of_patience(request: Request) -> bool:
    """X-Fal-Request-Timeout limits the wait for a start."""
    try:
        return float(request.headers.get("x-fal-request-timeout", "inf")) < QUEUED
    except ValueError:
        return False


def lifetime(request: Request) -> float | None:
    """Seconds that output files live, as the submit's lifecycle header asks."""
    return lifetime_in(request.headers.get("x-fal-object-lifecycle-preference"))
