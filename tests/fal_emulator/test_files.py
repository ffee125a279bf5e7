"""Uploads and downloads: signed targets, tokens, parts, ranges, lifetimes."""

import time

import httpx
import pytest

from fal_emulator.server import Emulator

from .conftest import Fal, anyone

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def url(fal: Fal) -> str:
    return fal.upload(CONTENT, "data.bin", "application/x-data")


def test_a_whole_file_comes_with_its_type_and_length(url: str) -> None:
    answer = anyone.get(url)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "application/x-data"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_head_tells_the_same_without_the_bytes(url: str) -> None:
    answer = anyone.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("0-99", 0, 100),
        ("100-199", 100, 200),
        ("10000-", 10000, 10240),
        ("-40", 10200, 10240),
        ("0-99999", 0, 10240),
    ],
)
def test_a_range_is_answered_with_those_bytes(url: str, wanted: str, start: int, stop: int) -> None:
    answer = anyone.get(url, headers={"Range": f"bytes={wanted}"})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("wanted", ["99999-", "5-2", "-0"])
def test_a_range_beyond_the_end_is_a_416(url: str, wanted: str) -> None:
    answer = anyone.get(url, headers={"Range": f"bytes={wanted}"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize("wanted", ["bytes=-", "bytes=0-1,3-4", "lines=1-2"])
def test_a_range_that_is_not_understood_gets_everything(url: str, wanted: str) -> None:
    assert anyone.get(url, headers={"Range": wanted}).status_code == 200


def test_a_range_of_another_version_gets_everything(url: str) -> None:
    headers = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert anyone.get(url, headers=headers).status_code == 200
    headers["If-Range"] = anyone.head(url).headers["ETag"]
    assert anyone.get(url, headers=headers).status_code == 206


def test_files_need_no_key_but_uploads_do(emulator: Emulator, url: str) -> None:
    assert anyone.get(url).status_code == 200
    assert anyone.post(f"{emulator.url}/files/upload", content=b"x").status_code == 401
    assert anyone.put(f"{emulator.url}/storage/upload/put/made-up", content=b"x").status_code == 403


def test_a_token_opens_the_upload(emulator: Emulator, fal: Fal) -> None:
    token = fal.client.post("/storage/auth/token?storage_type=fal-cdn-v3", json={}).json()
    assert set(token) == {"token", "token_type", "base_url", "expires_at"}
    headers = {
        "Authorization": f"{token['token_type']} {token['token']}",
        "Content-Type": "text/plain",
        "X-Fal-File-Name": "../../note.txt",
    }
    answer = anyone.post(token["base_url"] + "/files/upload", content=b"hello", headers=headers)
    assert answer.json()["access_url"].endswith("/note.txt")
    assert anyone.get(answer.json()["access_url"]).content == b"hello"


def test_a_part_that_is_missing_or_changed_is_noticed(fal: Fal) -> None:
    begun = fal.client.post("/files/upload/multipart", headers={"X-Fal-File-Name": "a.bin"}).json()
    own = f"{begun['access_url']}/multipart/{begun['uploadId']}"
    sent = fal.client.put(f"{own}/1", content=b"one")
    for parts in (
        [{"partNumber": 1, "etag": "other"}],
        [{"partNumber": 1, "etag": sent.headers["etag"]}, {"partNumber": 2, "etag": "x"}],
    ):
        assert fal.client.post(f"{own}/complete", json={"parts": parts}).status_code == 400
    assert anyone.get(begun["access_url"]).status_code == 404
    good = [{"partNumber": 1, "etag": sent.headers["etag"]}]
    assert fal.client.post(f"{own}/complete", json={"parts": good}).status_code == 200
    assert anyone.get(begun["access_url"]).content == b"one"


@pytest.mark.parametrize("path", ["/files/x/y", "/files/%2e%2e/webhook-key", "/files/", "/files/a"])
def test_nothing_but_stored_files_can_be_fetched(emulator: Emulator, path: str) -> None:
    assert anyone.get(emulator.url + path).status_code == 404


def test_an_expired_file_is_gone(fal: Fal) -> None:
    wish = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 0.2}'}
    given = {"file_name": "a.txt", "content_type": "text/plain"}
    target = fal.client.post("/storage/upload/initiate", json=given, headers=wish).json()
    fal.client.put(target["upload_url"], content=b"x")
    assert anyone.get(target["file_url"]).status_code == 200
    time.sleep(0.25)
    assert anyone.get(target["file_url"]).status_code == 404


def test_outputs_live_as_long_as_the_submit_asks(emulator: Emulator, fal: Fal) -> None:
    wish = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 3600}'}
    given = {"prompt": "A cat", "duration": "4s"}
    job = fal.client.post("/fal-ai/veo3.1/lite", json=given, headers=wish).json()
    video = fal.result(job).json()["video"]
    file = emulator.app.world.files.find(httpx.URL(video["url"]).path)
    assert file is not None
    assert file.expires_at is not None
    assert round(file.expires_at - file.created_at) == 3600
