"""An emulator at high speed, a place for its webhooks to arrive, and a plain HTTP client."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_emulator.server import Emulator, serve

SPEED = 100.0
LITE = "/fal-ai/veo3.1/lite"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing here speaks TLS, and certificates load slowly
KEY = {"Authorization": "Key test:key"}
anyone = httpx.Client(verify=PLAIN)  # a caller without a key


@dataclass
class Arrival:
    """One webhook as it came in."""

    headers: dict[str, str]
    raw: bytes
    time: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Sink:
    """A web server that takes webhooks. `answers` are given one by one, then 200 for ever."""

    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    pause: float = 0.0

    def wait(self, count: int, seconds: float = 10.0) -> list[Arrival]:
        wait_until(lambda: len(self.arrivals) >= count, seconds)
        return list(self.arrivals)

    def of(self, request_id: str) -> list[Arrival]:
        return [one for one in self.arrivals if one.body["request_id"] == request_id]


def wait_until(happened: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.005)


def handler_for(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Arrivals(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers["Content-Length"]
            raw = self.rfile.read(int(length or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = sink.answers.pop(0) if sink.answers else 200 if length else 411
            time.sleep(sink.pause)
            sink.arrivals.append(Arrival(headers, raw, time.monotonic()))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", sink.url + "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Arrivals


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(sink)) as server:
        sink.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield sink
        server.shutdown()
        thread.join()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with serve(data=tmp_path / "emulator", speed=SPEED) as running:
        yield running


@pytest.fixture
def fal(emulator: Emulator) -> Iterator["Fal"]:
    with httpx.Client(base_url=emulator.url, headers=KEY, timeout=20, verify=PLAIN) as client:
        yield Fal(client)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator["Fal"]:
    """An emulator whose clips cost next to nothing."""
    with (
        serve(data=tmp_path / "tiny", speed=SPEED, small_clips=True) as running,
        httpx.Client(base_url=running.url, headers=KEY, timeout=20, verify=PLAIN) as client,
    ):
        yield Fal(client)


@pytest.fixture
def leisurely(tmp_path: Path) -> Iterator["Fal"]:
    """A slower emulator, for tests that look at a request while it waits: 0.2 s, then 0.4 s or more."""
    with (
        serve(data=tmp_path / "leisurely", speed=10.0) as running,
        httpx.Client(base_url=running.url, headers=KEY, verify=PLAIN) as client,
    ):
        yield Fal(client)


@dataclass
class Fal:
    """The calls that most tests make."""

    client: httpx.Client

    def post(self, prompt: str, path: str = LITE, webhook: str = "", **values: object) -> httpx.Response:
        """A submit of a short clip, always the same one; `values` are more of the input."""
        given = {"prompt": prompt, **values}
        if path == LITE:
            given = {"duration": "4s", "seed": 7, **given}
        query = {"fal_webhook": webhook} if webhook else {}
        return self.client.post(path, params=query, json=given)

    def submit(self, prompt: str, path: str = LITE, webhook: str = "", **values: object) -> Any:
        answer = self.post(prompt, path, webhook, **values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, job: Any, logs: int = 1) -> httpx.Response:
        return self.client.get(job["status_url"], params={"logs": logs})

    def completed(self, job: Any) -> Any:
        """The status once it is COMPLETED."""
        wait_until(lambda: self.status(job).status_code == 200, 30)  # a 4k clip on a busy machine
        return self.status(job).json()

    def result(self, job: Any) -> httpx.Response:
        self.completed(job)
        return self.client.get(job["response_url"])

    def run(self, prompt: str, path: str = LITE, **values: object) -> httpx.Response:
        """Submit, wait, and fetch the result."""
        return self.result(self.submit(prompt, path, webhook="", **values))

    def upload(self, content: bytes, name: str = "in.png", kind: str = "image/png") -> str:
        target = self.client.post(
            "/storage/upload/initiate", json={"file_name": name, "content_type": kind}
        ).json()
        put = self.client.put(target["upload_url"], content=content, headers={"Content-Type": kind})
        assert put.status_code == 200
        return str(target["file_url"])
