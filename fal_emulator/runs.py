"""The life of an accepted request: waiting, running, making the clip, ending, being cancelled."""

import hashlib
import sys
import time
import traceback
import uuid
from collections import deque
from typing import Literal

from fal_emulator import archive, clips, small_clips
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
        self._ready: deque[Request] = deque()  # what could start if there were room
        self._running: set[str] = set()

    def schedule(self, request: Request) -> None:
        self.world.timeline.after(QUEUED, lambda: self.ready(request))
        if (left := patience(request, self.world.timeline.speed)) < float("inf"):
            self.world.timeline.after(left, lambda: self.lose_patience(request))

    def resume(self) -> None:
        """After a restart: open requests run again or stay cancelled, webhooks nobody took are sent again."""
        for request in self.world.book.all():
            request.base = self.world.present_base(request.base)
            if request.state != "COMPLETED" and request.cancelling and request.effect.cancellable:
                self.fail(request, "client_cancelled")
            elif request.state != "COMPLETED":
                self.schedule(request)
            elif request.owed:
                self.webhooks.send(request)

    def ready(self, request: Request) -> None:
        with self.world.book.lock:
            self._ready.append(request)
        self.admit()

    def admit(self) -> None:
        """Start what is ready, as far as the account may have so many running at once."""
        limit = self.world.settings.running
        starting = []
        with self.world.book.lock:
            while self._ready and (limit is None or len(self._running) < limit):
                request = self._ready.popleft()
                if request.state == "IN_QUEUE":
                    self._running.add(request.id)
                    self.enter(request)
                    starting.append(request)
        for request in starting:
            self.run(request)

    def enter(self, request: Request) -> None:
        self.world.book.leave_queue(request)
        request.state, request.started_at = "IN_PROGRESS", time.time()
        request.log("Runner assigned, generation started.")
        if request.effect.odd:
            request.log("A line of a kind nobody announced.", level="FLUMMOXED")

    def lose_patience(self, request: Request) -> None:
        if request.state == "IN_QUEUE":
            self.fail(request, "startup_timeout")

    def run(self, request: Request) -> None:
        if request.effect.failure:
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
        file = self.world.files.reserve("output.mp4", "video/mp4", lifetime(request))
        path = self.world.files.path(file)
        try:
            if self.world.settings.small_clips:
                request.clip_size = small_clips.deliver(request, self.world.media(request.base), path)
            else:
                order = order_for(request, self.world.media(request.base))
                request.clip_size = archive.deliver(order, path, unwanted)
            request.clip_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        except clips.Abandoned:
            return None
        except Exception:  # noqa: BLE001 - whatever a picture did to the encoder: a crashed run, not a stuck one
            traceback.print_exc(file=sys.stderr)
            self.fail(request, "runner_server_error")
            return None
        return file

    def complete_now(self, request: Request) -> None:
        """For fates of haste: all of it, webhook included, happens before the call is answered."""
        request.started_at = request.started_at or time.time()
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
            self._running.discard(request.id)
            self.world.book.note_end(request)
        self.admit()
        return True

    def cancel(self, request: Request) -> Cancelled:
        with self.world.book.lock:
            late = request.state == "COMPLETED"
            waiting = request.state == "IN_QUEUE"
            request.cancelling = request.cancelling or not late
        word: Cancelled = "ALREADY_COMPLETED" if late else "CANCELLATION_REQUESTED"
        self.world.book.note_cancel(request, word)
        if not late:
            self.heed(request, waiting)
        return word

    def heed(self, request: Request, waiting: bool) -> None:
        """What a cancel does, which is not always what it says."""
        if request.effect.racing:
            self.complete_now(request)
        elif not request.effect.cancellable:
            return
        elif waiting:
            self.fail(request, "client_cancelled")
        else:
            delay = CANCEL_DELAY
            self.world.timeline.after(delay, lambda: self.fail(request, "client_cancelled"))

    def finish(self, request: Request) -> None:
        """End a run at once and well, whatever its pace: a lever for tests."""
        if request.state != "COMPLETED" and (clip := self.make_clip(request)):
            self.succeed(request, clip)


def run_time(request: Request) -> float:
    """Emulated seconds; differs between requests, and is the same again after a restart."""
    share = uuid.UUID(request.id).int % 1000 / 1000
    return (SHORTEST_RUN + share * (LONGEST_RUN - SHORTEST_RUN)) * request.effect.pace


def patience(request: Request, speed: float) -> float:
    """Emulated seconds for which it may still wait for a start: X-Fal-Request-Timeout."""
    try:
        wanted = float(request.headers.get("x-fal-request-timeout", "inf"))
    except ValueError:
        return float("inf")
    return max(0.0, wanted - (time.time() - request.accepted_at) * speed)


def lifetime(request: Request) -> float | None:
    """Seconds that output files live, as the submit's lifecycle header asks."""
    return lifetime_in(request.headers.get("x-fal-object-lifecycle-preference"))
