"""fal's own Python client, unchanged, finds in the emulator what it expects of fal."""

import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest
from fal_client import client as internals
from PIL import Image

from fal_emulator.endpoints import ENDPOINTS, Endpoint
from fal_emulator.server import Emulator, serve

from .conftest import SPEED, anyone

FAST = 0.01  # seconds between two polls
HOSTS = {"queue.fal.run", "rest.fal.ai", "v3.fal.media"}


class ToEmulator(httpx.HTTPTransport):
    """Carries calls for fal's hosts to the emulator, which is what a hosts file would do."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.target = httpx.URL(emulator.url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in HOSTS:
            target = self.target
            request.url = request.url.copy_with(scheme="http", host=target.host, port=target.port)
            request.headers["Host"] = f"{target.host}:{target.port}"
        return super().handle_request(request)


class OfflineClient(fal_client.SyncClient):
    """The library's client with another transport beneath it."""

    emulator: Emulator

    @cached_property
    def _client(self) -> httpx.Client:
        headers = {"Authorization": self._auth.header_value}
        return httpx.Client(transport=ToEmulator(self.emulator), headers=headers, timeout=20)

    def _get_cdn_client(self) -> httpx.Client:
        token = self._token_manager.get_token()
        headers = {"Authorization": f"{token.token_type} {token.token}"}
        return httpx.Client(transport=ToEmulator(self.emulator), headers=headers)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(data=tmp_path_factory.mktemp("fal"), speed=SPEED) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> OfflineClient:
    # The token manager makes a client of its own, with nothing to hook into but this address.
    monkeypatch.setattr(internals, "REST_URL", emulator.url)
    client = OfflineClient(key="some:key")
    client.emulator = emulator
    return client


@pytest.fixture(scope="module")
def short_clip(emulator: Emulator) -> str:
    """A clip of the emulator's own, to be extended."""
    headers = {"Authorization": "Key some:key"}
    with httpx.Client(base_url=emulator.url, headers=headers, timeout=60) as http:
        given = {"prompt": "First part [early]", "duration": "4s"}
        job = http.post("/fal-ai/veo3.1/lite", json=given).json()
        return str(http.get(job["response_url"]).json()["video"]["url"])


def picture(width: int = 320, height: int = 180) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def given_to(endpoint: Endpoint, client: OfflineClient, prompt: str, clip: str) -> dict[str, Any]:
    """The least input that the endpoint takes, its media uploaded through the client."""
    given: dict[str, Any] = {"prompt": prompt}
    for field in endpoint.media:
        if field.kind == "video":
            given[field.name] = clip
        else:
            url = client.upload_image(picture(), format="png")
            given[field.name] = [url] if field.kind == "images" else url
    duration = next(field for field in endpoint.fields if field.name == "duration")
    return {**given, "duration": duration.choices[0]}


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_a_request_goes_from_submit_to_result(name: str, client: OfflineClient, short_clip: str) -> None:
    given = given_to(ENDPOINTS[name], client, "A cat on a wall", short_clip)
    handle = client.submit(name, given)
    events = list(handle.iter_events(with_logs=True, interval=FAST))
    kinds = list(dict.fromkeys(type(event) for event in events))
    assert kinds[-1] is fal_client.Completed
    assert set(kinds) <= {fal_client.Queued, fal_client.InProgress, fal_client.Completed}
    last = events[-1]
    assert isinstance(last, fal_client.Completed)
    assert last.error is None
    assert last.metrics["inference_time"] > 0
    assert last.logs
    assert isinstance(client.status(name, handle.request_id), fal_client.Completed)
    result = client.result(name, handle.request_id)
    assert result == handle.get()
    clip = anyone.get(result["video"]["url"])
    assert (clip.status_code, clip.headers["Content-Type"]) == (200, "video/mp4")


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_subscribe_waits_for_an_error_and_raises_it(
    name: str, client: OfflineClient, short_clip: str
) -> None:
    given = given_to(ENDPOINTS[name], client, "A cat [policy]", short_clip)
    ids: list[str] = []
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.subscribe(name, given, interval=FAST, on_enqueue=ids.append)
    assert caught.value.status_code == 422
    assert caught.value.error_type == "content_policy_violation"
    assert len(ids) == 1


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_cancel_ends_a_running_request(name: str, client: OfflineClient, short_clip: str) -> None:
    given = given_to(ENDPOINTS[name], client, "A cat [never]", short_clip)
    handle = client.submit(name, given)
    client.cancel(name, handle.request_id)
    *_, last = handle.iter_events(interval=FAST)
    assert isinstance(last, fal_client.Completed)
    assert last.error_type == "client_cancelled"
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get()
    assert caught.value.status_code == 499
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.cancel()
    assert caught.value.status_code == 400


def test_subscribe_returns_the_result(client: OfflineClient) -> None:
    seen: list[object] = []
    given = {"prompt": "A cat", "duration": "4s"}
    result = client.subscribe(
        "fal-ai/veo3.1/lite", given, with_logs=True, interval=FAST, on_queue_update=seen.append
    )
    assert result["video"]["url"].endswith(".mp4")
    assert isinstance(seen[-1], fal_client.Completed)


def test_a_busy_endpoint_is_retried_until_it_takes_the_request(client: OfflineClient) -> None:
    handle = client.submit("fal-ai/veo3.1/lite", {"prompt": "A cat [busy]", "duration": "4s"})
    assert handle.request_id


def test_an_unknown_request_and_an_unknown_endpoint_are_errors(client: OfflineClient) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.status("fal-ai/veo3.1/lite", "00000000-0000-0000-0000-000000000000")
    assert caught.value.status_code == 404
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.submit("fal-ai/unheard-of", {"prompt": "A cat"})
    assert caught.value.status_code == 404


def test_uploads_come_back_byte_for_byte(client: OfflineClient, tmp_path: Path) -> None:
    url = client.upload(b"some bytes", "text/plain", file_name="note.txt")
    back = anyone.get(url)
    assert (back.content, back.headers["Content-Type"]) == (b"some bytes", "text/plain")
    path = tmp_path / "a picture.png"
    picture().save(path)
    assert anyone.get(client.upload_file(path)).content == path.read_bytes()


def test_uploads_over_the_storage_fallback_come_back_byte_for_byte(client: OfflineClient) -> None:
    url = client.upload(b"some bytes", "text/plain", file_name="note.txt", repository="fal")
    assert anyone.get(url).content == b"some bytes"


def test_large_uploads_in_parts_come_back_byte_for_byte(
    client: OfflineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internals, "MULTIPART_THRESHOLD", 1000)
    monkeypatch.setattr(internals, "MULTIPART_CHUNK_SIZE", 700)
    content = bytes(range(256)) * 11
    url = client.upload(content, "application/octet-stream", file_name="large.bin")
    assert anyone.get(url).content == content


def test_uploads_may_be_given_a_lifetime(client: OfflineClient) -> None:
    settings = fal_client.StorageSettings(expires_in="1h")
    buffer = io.BytesIO()
    picture().save(buffer, "png")
    for repository in ("fal_v3", "fal"):
        url = client.upload(buffer.getvalue(), "image/png", repository=repository, lifecycle=settings)
        file = client.emulator.app.world.files.find(httpx.URL(url).path)
        assert file is not None
        assert file.expires_at is not None
        assert round(file.expires_at - file.created_at) == 3600
