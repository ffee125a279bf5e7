"""One accepted request: what was asked, how far it is, and the line that brings it back."""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from fal_emulator import fates
from fal_emulator.endpoints import ENDPOINTS, Endpoint
from fal_emulator.exchange import Json
from fal_emulator.failures import Outcome
from fal_emulator.files import StoredFile

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
    clip_sha256: str = ""
    fates: list[str] = field(default_factory=list)
    number: int = 0  # in the order of acceptance
    subject: str = ""  # what it is about, told apart from others with the same words
    attempts: int = 0  # webhooks sent, of any kind
    taken: int = 0  # genuine webhooks that were answered 2xx
    webhook_lost: bool = False
    downloads: int = 0
    served: int = 0  # bytes of the clip
    served_whole: int = 0  # downloads that ended with its last byte
    cancels: list[str] = field(default_factory=list)  # what each cancel was answered with
    payload_deleted: bool = False
    logs: list[dict[str, Json]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.doom(self.fates)
        drawn = uuid.UUID(self.id).int % 2**31
        given = self.values.get("seed")
        self.seed = given if isinstance(given, int) else drawn

    def doom(self, words: list[str]) -> None:
        """Give it these fates."""
        self.fates = words
        self.effect = fates.effect_of(words)

    @property
    def delivered(self) -> bool:
        return self.taken > 0

    @property
    def owed(self) -> bool:
        """Whether a webhook must still be sent once it has ended."""
        return bool(self.webhook) and self.effect.webhook and not self.delivered and not self.webhook_lost

    @cached_property
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


def to_line(request: Request) -> Json:
    return {
        "request_id": request.id,
        "endpoint": request.endpoint.id,
        "time": iso(request.accepted_at),
        "webhook": request.webhook,
        "digest": request.digest,
        "fates": request.fates,
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
        fates=line["fates"],
    )
