"""All requests: found by id, in the order they came, by endpoint; and what must survive a restart."""

import threading
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from pathlib import Path

from fal_emulator.exchange import Json
from fal_emulator.failures import Outcome
from fal_emulator.files import Files
from fal_emulator.journal import Journal
from fal_emulator.requests import Request, from_line, to_line

REMEMBERED = 50_000  # deliveries kept for the control surface


class Book:
    """In memory, with two journals. Nothing here takes longer the more requests there are."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.lock = threading.RLock()
        self.accepted = Journal(folder / "journal.jsonl", durable=True)
        self._events = Journal(folder / "events.jsonl", durable=False)
        self._requests: dict[str, Request] = {}
        self._lines: list[Json] = []
        self._subjects: Counter[str] = Counter()
        self._of_endpoint: dict[str, list[Request]] = defaultdict(list)
        self._waiting: dict[str, list[int]] = defaultdict(list)  # numbers of requests, ascending
        self._open: dict[str, Request] = {}
        self._clips: dict[str, Request] = {}  # by the key of their file
        self.deliveries: deque[Json] = deque(maxlen=REMEMBERED)
        for line in self.accepted.past():
            self._enter(from_line(line), line)
        for event in self._events.past():
            self._replay(event, files)

    def name(self, request: Request) -> None:
        """Tell it apart from others with the same words, by the order in which they come."""
        with self.lock:
            about = f"{request.endpoint.id} {request.values.get('prompt')}"
            self._subjects[about] += 1
            request.subject = f"{about} #{self._subjects[about]}"

    def add(self, request: Request) -> None:
        """Journal first: once the caller may hear of the request, no crash forgets it."""
        line = to_line(request)
        self.accepted.write(line)
        self._enter(request, line)

    def find(self, request_id: str) -> Request | None:
        return self._requests.get(request_id)

    def of_clip(self, key: str) -> Request | None:
        """The request whose clip has this key in the file store."""
        return self._clips.get(key)

    def all(self) -> list[Request]:
        with self.lock:
            return list(self._requests.values())

    def lines(self) -> list[Json]:
        with self.lock:
            return list(self._lines)

    def open(self) -> list[Request]:
        with self.lock:
            return list(self._open.values())

    def of_endpoint(self, name: str) -> list[Request]:
        """The requests of an endpoint, oldest first: the list itself, which only ever grows."""
        return self._of_endpoint[name]

    def waiting(self, endpoint: str) -> int:
        with self.lock:
            return len(self._waiting[endpoint])

    def ahead_of(self, request: Request) -> int:
        """How many requests of the same endpoint wait in front of this one."""
        with self.lock:
            return bisect_left(self._waiting[request.endpoint.id], request.number)

    def leave_queue(self, request: Request) -> None:
        with self.lock:
            line = self._waiting[request.endpoint.id]
            place = bisect_left(line, request.number)
            if place < len(line) and line[place] == request.number:
                del line[place]

    def note_end(self, request: Request) -> None:
        end, clip = request.outcome, request.clip
        assert end is not None
        self._close(request)
        self._note(
            request,
            "completed",
            time=request.ended_at,
            outcome=vars(end),
            clip=clip.key if clip else None,
            clip_size=request.clip_size,
            clip_sha256=request.clip_sha256,
        )

    def note_delivery(self, request: Request, note: Json) -> None:
        """One attempt, whatever came of it."""
        self.deliveries.append(note)
        self._note(request, "delivery", note=note)
        self._tally_delivery(request, note)

    def note_lost(self, request: Request) -> None:
        """Its webhook is not owed any more: it was dropped on purpose."""
        request.webhook_lost = True
        self._note(request, "webhook lost")

    def note_download(self, request: Request, status: int, sent: int, whole: bool, fault: str) -> None:
        self._tally_download(request, sent, whole)
        self._note(request, "download", status=status, sent=sent, whole=whole, fault=fault)

    def note_cancel(self, request: Request, word: str) -> None:
        request.cancels.append(word)
        self._note(request, "cancel", answer=word)

    def note_deletion(self, request: Request) -> None:
        request.payload_deleted = True
        self._note(request, "payload deleted")

    def close(self) -> None:
        self.accepted.close()
        self._events.close()

    def _enter(self, request: Request, line: Json) -> None:
        with self.lock:
            if not request.subject:
                self.name(request)
            request.number = len(self._requests)
            self._requests[request.id] = request
            self._lines.append(line)
            self._of_endpoint[request.endpoint.id].append(request)
            self._waiting[request.endpoint.id].append(request.number)
            self._open[request.id] = request

    def _close(self, request: Request) -> None:
        with self.lock:
            self.leave_queue(request)
            self._open.pop(request.id, None)
            if request.clip:
                self._clips[request.clip.key] = request

    def _note(self, request: Request, event: str, **more: Json) -> None:
        self._events.write({"request_id": request.id, "event": event, **more})

    def _tally_delivery(self, request: Request, note: Json) -> None:
        with self.lock:
            request.attempts += 1
            taken = note["status_code"] is not None and 200 <= note["status_code"] < 300
            if taken and note["genuine"]:
                request.taken += 1

    def _tally_download(self, request: Request, sent: int, whole: bool) -> None:
        with self.lock:
            request.downloads += 1
            request.served += sent
            request.served_whole += whole

    def _replay(self, event: Json, files: Files) -> None:
        request = self._requests.get(event["request_id"])
        if request is None:
            return
        kind = event["event"]
        if kind == "delivery":
            self.deliveries.append(event["note"])
            self._tally_delivery(request, event["note"])
        elif kind == "webhook lost":
            request.webhook_lost = True
        elif kind == "download":
            self._tally_download(request, event["sent"], event["whole"])
        elif kind == "cancel":
            request.cancels.append(event["answer"])
            request.cancelling = request.state != "COMPLETED"
        elif kind == "payload deleted":
            request.payload_deleted = True
        elif kind == "completed":
            self._replay_end(request, event, files)

    def _replay_end(self, request: Request, event: Json, files: Files) -> None:
        request.state, request.ended_at = "COMPLETED", event["time"]
        request.started_at = request.started_at or request.accepted_at
        request.outcome = Outcome(**event["outcome"])
        request.clip = files.reserved(event["clip"]) if event["clip"] else None
        request.clip_size = event["clip_size"]
        request.clip_sha256 = event.get("clip_sha256", "")
        self._close(request)
