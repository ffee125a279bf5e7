"""The state of queued requests: one record each, and the book that finds and remembers them."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from fal_emulator import fates
from fal_emulator.endpoints import ENDPOINTS, Endpoint
from fal_emulator.exchange import Json
from fal_emulator.failures import Outcome
from fal_emulator.files import Files, StoredFile
from fal_emulator.journal import Journal

State = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
KEPT_HEADERS = ("x-fal-", "x-app-fal-")


@dataclass
class Request:
    """One accepted request. Written only by the code in `runs`, under the book's lock."""

    id: str
    endpoint: Endpoint
    given: Json  # the input as it came
    values: dict[str, Json]  # the same, checked and with defaults
    webhook: str | None
    base: str  # the address under which the caller knows this server
    headers: dict[str, str]
    accepted_at: float
    state: State = "IN_QUEUE"
    started_at: float | None = None
    ended_at: float | None = None
    cancelling: bool = False
    outcome: Outcome | None = None
    clip: StoredFile | None = None
    clip_size: int = 0
    seed: int = 0
    delivered: bool = False
    payload_deleted: bool = False
    logs: list[dict[str, Json]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.effect = fates.effect_of(self.values.get("prompt"))
        drawn = uuid.UUID(self.id).int % 2**31
        given = self.values.get("seed")
        self.seed = given if isinstance(given, int) else drawn

    @property
    def digest(self) -> str:
        return digest_of(self.given)

    @property
    def path(self) -> str:
        """Where status, result and cancel live: owner and alias only."""
        return f"/{self.endpoint.app}/requests/{self.id}"

    @property
    def stored(self) -> bool:
        """Whether the platform may show the payloads later (X-Fal-Store-IO: 0 forbids it)."""
        return self.headers.get("x-fal-store-io") != "0" and not self.payload_deleted

    def log(self, message: str, level: str = "INFO") -> None:
        entry = {
            "message": message,
            "timestamp": iso(time.time()),
            "level": level,
            "source": "USER",
        }
        self.logs.append(entry)


def digest_of(given: Json) -> str:
    """SHA-256 of an input, the same for the same content however it was written."""
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's headers that mean something to fal."""
    return {name: value for name, value in headers.items() if name.startswith(KEPT_HEADERS)}


class Book:
    """All requests in memory; what must survive a restart in two journals."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.lock = threading.RLock()
        self.accepted = Journal(folder / "journal.jsonl", durable=True)
        self._events = Journal(folder / "events.jsonl", durable=False)
        self._requests: dict[str, Request] = {}
        self._lines: list[Json] = list(self.accepted.past)
        for line in self.accepted.past:
            self._requests[line["request_id"]] = from_line(line)
        for event in self._events.past:
            self._replay(event, files)

    def add(self, request: Request) -> None:
        """Journal first: once the caller may hear of the request, no crash forgets it."""
        line = to_line(request)
        self.accepted.write(line)
        with self.lock:
            self._requests[request.id] = request
            self._lines.append(line)

    def find(self, request_id: str) -> Request | None:
        return self._requests.get(request_id)

    def all(self) -> list[Request]:
        with self.lock:
            return list(self._requests.values())

    def lines(self) -> list[Json]:
        with self.lock:
            return list(self._lines)

    def open(self) -> list[Request]:
        return [request for request in self.all() if request.state != "COMPLETED"]

    def ahead_of(self, request: Request) -> int:
        """How many requests of the same endpoint wait in front of this one."""
        return sum(
            other.accepted_at < request.accepted_at
            for other in self.open()
            if other.state == "IN_QUEUE" and other.endpoint.id == request.endpoint.id
        )

    def note_end(self, request: Request) -> None:
        end, clip = request.outcome, request.clip
        assert end is not None
        self._events.write(
            {
                "request_id": request.id,
                "event": "completed",
                "time": request.ended_at,
                "outcome": vars(end),
                "clip": clip.key if clip else None,
                "clip_size": request.clip_size,
            }
        )

    def note_delivery(self, request: Request) -> None:
        request.delivered = True
        self._events.write({"request_id": request.id, "event": "delivered"})

    def note_deletion(self, request: Request) -> None:
        request.payload_deleted = True
        self._events.write({"request_id": request.id, "event": "payload deleted"})

    def close(self) -> None:
        self.accepted.close()
        self._events.close()

    def _replay(self, event: Json, files: Files) -> None:
        request = self._requests.get(event["request_id"])
        if request is None:
            return
        if event["event"] == "delivered":
            request.delivered = True
        elif event["event"] == "payload deleted":
            request.payload_deleted = True
        else:
            request.state, request.ended_at = "COMPLETED", event["time"]
            request.started_at = request.started_at or request.accepted_at
            request.outcome = Outcome(**event["outcome"])
            request.clip = files.reserved(event["clip"]) if event["clip"] else None
            request.clip_size = event["clip_size"]


def to_line(request: Request) -> Json:
    return {
        "request_id": request.id,
        "endpoint": request.endpoint.id,
        "time": iso(request.accepted_at),
        "webhook": request.webhook,
        "digest": request.digest,
        "fates": fates.words_in(request.values.get("prompt")),
        "input": request.given,
        "values": request.values,
        "headers": request.headers,
        "base": request.base,
    }


def from_line(line: Json) -> Request:
    return Request(
        id=line["request_id"],
        endpoint=ENDPOINTS[line["endpoint"]],
        given=line["input"],
        values=line["values"],
        webhook=line["webhook"],
        base=line["base"],
        headers=line["headers"],
        accepted_at=datetime.fromisoformat(line["time"]).timestamp(),
    )
