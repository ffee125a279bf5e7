"""A fal that answers exactly what a test tells it, over real HTTP."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeVar

from tests.fal.hosting import listening

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
Script = list[Answer] | Callable[[], Answer]
AnyPuppet = TypeVar("AnyPuppet", bound="Puppet")


class Puppet:
    """Which kinds of call came, and what is answered to each: a list is worked off, its last entry stays."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.script: dict[str, Script] = {}
        self.url = ""

    @property
    def submits(self) -> int:
        """How often a paid request was sent."""
        return self.calls.count("submit")

    def accepted(self, request_id: str = "", **more: Any) -> Answer:
        """What fal answers to a submit."""
        key = request_id or str(uuid.uuid4())
        base = f"{self.url}/fal-ai/veo3.1/requests/{key}"
        urls = {"status_url": f"{base}/status", "response_url": base, "cancel_url": f"{base}/cancel"}
        return 200, {"request_id": key, **urls, "queue_position": 0, **more}

    def video(self, path: str = "/file/x.mp4") -> dict[str, Any]:
        """A result."""
        return {"video": {"url": self.url + path}}

    def answer(self, kind: str) -> Answer:
        """By the script, or as fal usually does."""
        self.calls.append(kind)
        script = self.script.get(kind)
        if callable(script):
            return script()
        if script:
            return script.pop(0) if len(script) > 1 else script[0]
        return self.usual(kind)

    def heard(self, path: str, body: bytes) -> Answer:
        """What is answered to a call."""
        return self.answer(kind_of(path))

    def usual(self, kind: str) -> Answer:
        """A good day."""
        if kind == "submit":
            return self.accepted()
        return {
            "status": (200, {"status": "COMPLETED"}),
            "result": (200, self.video()),
            "cancel": (202, {"status": "CANCELLATION_REQUESTED"}),
            "initiate": (200, {"upload_url": f"{self.url}/put/x", "file_url": f"{self.url}/file/x.jpg"}),
            "put": (200, {}),
            "list": (200, {"items": [], "has_more": False}),
        }.get(kind, (404, {}))


def kind_of(path: str) -> str:
    """Which of fal's calls a path is."""
    bare = path.partition("?")[0]
    for part, kind in (("/storage/", "initiate"), ("/put", "put"), ("/file", "file")):
        if part in bare:
            return kind
    if bare.startswith("/v1/"):
        return "list"
    last = bare.rpartition("/")[2]
    if last in ("status", "cancel"):
        return last
    return "result" if "/requests/" in bare else "submit"


@contextmanager
def serving() -> Iterator[Puppet]:
    """A puppet on a port of its own."""
    with on_a_port(Puppet()) as puppet:
        yield puppet


@contextmanager
def on_a_port(puppet: AnyPuppet) -> Iterator[AnyPuppet]:
    """This one, on a port of its own."""

    class Call(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

        def speak(self) -> None:
            """Read the request, say the answer."""
            heard = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, *headers = puppet.heard(self.path, heard)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers[0] if headers else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = speak  # noqa: N815 - the base class looks for these names

    with listening(Call) as puppet.url:
        yield puppet
