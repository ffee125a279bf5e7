"""A small fal that remembers: what it took, with which input, and how far that is.

A puppet answers by script; this one keeps the few facts that recovery asks for. Nothing happens by itself
in it: a request is done when a test says so, and a webhook leaves when a test sends it.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from fal_emulator.signing import Signer
from tests.generations.puppet import Answer, Puppet, kind_of
from tests.world import video

ACCOUNT = "emulator-account"
FAILED = {"detail": "The runner crashed", "error_type": "runner_server_error"}
STOPPED = {"detail": "Request was cancelled", "error_type": "client_cancelled"}


@dataclass
class Taken:
    """A request that fal took, and may bill."""

    endpoint: str
    input: dict[str, Any]
    webhook: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "running"
    told: int = 0


class LittleFal(Puppet):
    """Takes requests, runs them to the end at once or when told, and knows them afterwards."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.signer = Signer(folder / "key")
        self.taken: list[Taken] = []
        self.at_once = True  # a request is done as soon as it is taken
        self.speechless = 0  # so many submits are taken, and answered by a broken gateway
        self.forgetful = False  # the list lags
        self.meanwhile: Callable[[Taken], None] | None = None  # before a submit is answered

    @cached_property
    def clip(self) -> bytes:
        return video(1, 64, 36)

    def heard(self, path: str, body: bytes) -> Answer:
        """By the script, or by what is known."""
        if path.startswith("/.well-known/"):
            return 200, self.signer.key_set()
        kind = "list" if "/by-endpoint" in path else kind_of(path)
        if self.script.get(kind):
            return self.answer(kind)
        self.calls.append(kind)
        if kind == "submit":
            return self._take(path, body)
        if kind == "list":
            return 200, {"items": self._listed(path), "has_more": False}
        if kind in ("status", "result", "cancel"):
            return self._about(kind, self._found(path))
        return self.usual(kind)

    def usual(self, kind: str) -> Answer:
        """A good day; and no two uploads share an address."""
        if kind == "initiate":
            address = f"{self.url}/file/{uuid.uuid4()}.jpg"
            return 200, {"upload_url": f"{self.url}/put/x", "file_url": address}
        return (200, self.clip) if kind == "file" else super().usual(kind)

    def _take(self, path: str, body: bytes) -> Answer:
        parts = urlsplit(path)
        webhook = parse_qs(parts.query)["fal_webhook"][0]
        one = Taken(parts.path.strip("/"), json.loads(body), webhook)
        one.state = "done" if self.at_once else "running"
        self.taken.append(one)
        if self.meanwhile:
            self.meanwhile(one)
        if self.speechless:
            self.speechless -= 1
            return 502, b"<html>Bad gateway</html>"
        return self.accepted(one.id)

    def _found(self, path: str) -> Taken | None:
        parts = urlsplit(path).path.split("/")
        return next((each for each in self.taken if each.id in parts), None)

    def _about(self, kind: str, one: Taken | None) -> Answer:
        if one is None:
            return 404, {"detail": "Request not found"}
        if kind == "status":
            return 200, {"status": "IN_PROGRESS" if one.state == "running" else "COMPLETED"}
        if kind == "cancel":
            if one.state != "running":
                return 400, {"status": "ALREADY_COMPLETED"}
            one.state = "stopped"
            return 202, {"status": "CANCELLATION_REQUESTED"}
        return {
            "running": (400, {"detail": "Request is still in progress"}),
            "done": (200, self.video()),
            "failed": (500, FAILED),
            "stopped": (499, STOPPED),
        }[one.state]

    def _listed(self, path: str) -> list[dict[str, Any]]:
        wanted = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        return [
            {
                "request_id": one.id,
                "json_input": one.input,
                "json_output": self.video() if one.state == "done" else None,
                "ended_at": None if one.state == "running" else "2026-01-01T00:00:00Z",
            }
            for one in ([] if self.forgetful else reversed(self.taken))
            if wanted["endpoint_id"] == one.endpoint and wanted.get("request_id", one.id) == one.id
        ]

    def of(self, seed: object) -> list[Taken]:
        """Every request with this seed: a generation's are its own, for each has another."""
        return [each for each in self.taken if each.input.get("seed") == seed]

    def tell(self, one: Taken, status: str = "OK") -> int:
        """Send a webhook about it, signed; our answer. `ERROR` says that it failed, whether or not it did."""
        told = {"payload": self.video()} if status == "OK" else {"payload": FAILED, "error": "status 500"}
        said = {"request_id": one.id, "gateway_request_id": one.id, "status": status, **told}
        body = json.dumps(said).encode()
        headers = self.signer.headers(one.id, ACCOUNT, body)
        one.told += 1
        client = Client(raise_request_exception=False)
        path = urlsplit(one.webhook).path
        return client.post(path, body, content_type="application/json", headers=headers).status_code
