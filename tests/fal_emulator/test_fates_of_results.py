"""Every fate of results and clips does what its row says."""

import io
import time
from collections.abc import Callable
from typing import Any

import av
import httpx
import pytest

from fal_emulator.server import Emulator

from .conftest import Fal, Sink, anyone, wait_until
from .proofs import Proof, Proofs

PROOFS = Proofs()


def follow_up_answers(fal: Fal, job: Any) -> list[int]:
    calls = (("GET", "status_url"), ("GET", "response_url"), ("PUT", "cancel_url"))
    return [fal.client.request(method, job[name]).status_code for method, name in calls]


def listed(fal: Fal, job: Any) -> list[Any]:
    query = {"endpoint_id": "fal-ai/veo3.1/lite", "expand": "payloads", "request_id": job["request_id"]}
    items: list[Any] = fal.client.get("/v1/models/requests/by-endpoint", params=query).json()["items"]
    return items


@PROOFS.of("forgotten")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [forgotten]", webhook=sink.url)
    wait_until(lambda: emulator.oracle()[0]["state"] == "COMPLETED")
    assert follow_up_answers(fal, job) == [404, 404, 404]
    assert (listed(fal, job), emulator.deliveries()) == ([], [])


def spoilt_result(
    word: str, kept: bool, is_spoilt: Callable[[httpx.Response], bool], heals: bool = False
) -> Proof:
    """COMPLETED without a webhook, and the result is not what it should be: for ever, or once."""

    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        job = fal.submit(f"A cat [{word}]", webhook=sink.url)
        assert is_spoilt(fal.result(job))
        again = fal.result(job)
        assert is_spoilt(again) is not heals
        [item] = listed(fal, job)
        assert ("json_output" in item) is kept
        assert emulator.deliveries() == []
        if heals:
            assert clip_of(again)

    return proof


def is_404(answer: httpx.Response) -> bool:
    return answer.status_code == 404


PROOFS["lost result"] = spoilt_result("lost result", False, is_404)
PROOFS["expired result"] = spoilt_result("expired result", True, is_404)
PROOFS["null result"] = spoilt_result("null result", False, lambda answer: answer.content == b"null")
PROOFS["no video"] = spoilt_result("no video", False, lambda answer: answer.content == b"{}")
PROOFS["foreign video"] = spoilt_result(
    "foreign video", False, lambda answer: video_url(answer).startswith("https://fal.invalid/")
)
PROOFS["result 500"] = spoilt_result(
    "result 500", True, lambda answer: answer.headers.get("X-Fal-Error-Type") == "internal_error", heals=True
)
PROOFS["result 503"] = spoilt_result("result 503", True, lambda answer: answer.status_code == 503, heals=True)


def clip_of(answer: httpx.Response) -> bytes:
    return anyone.get(answer.json()["video"]["url"]).raise_for_status().content


@PROOFS.of("gone")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [gone]")
    for _ in range(2):
        assert anyone.get(video_url(fal.result(job))).status_code == 404


@PROOFS.of("gone once")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [gone once]", webhook=sink.url)
    told = sink.wait(1)[0].body["payload"]["video"]["url"]
    assert video_url(fal.result(job)) == told
    assert anyone.get(told).status_code == 404
    fresh = video_url(fal.result(job))
    assert fresh != told
    assert anyone.get(fresh).status_code == 200


@PROOFS.of("truncated")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    video = fal.run("A cat [truncated]").json()["video"]
    with pytest.raises(httpx.RemoteProtocolError):
        anyone.get(video["url"])
    assert len(anyone.get(video["url"]).content) == video["file_size"]


def spoilt_download(
    word: str, is_spoilt: Callable[[httpx.Response, int], bool], heals: bool = False
) -> Proof:
    """The clip's address answers, but not with the clip: for ever, or once."""

    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        video = fal.run(f"A cat [{word}]").json()["video"]
        assert is_spoilt(anyone.get(video["url"]), video["file_size"])
        again = anyone.get(video["url"])
        assert is_spoilt(again, video["file_size"]) is not heals
        if heals:
            assert is_a_video(again.content)

    return proof


def is_a_video(content: bytes) -> bool:
    try:
        with av.open(io.BytesIO(content), "r") as container:
            return bool(container.streams.video)
    except av.FFmpegError:
        return False


PROOFS["forbidden once"] = spoilt_download(
    "forbidden once", lambda got, _: got.status_code == 403, heals=True
)
PROOFS["clip 503"] = spoilt_download("clip 503", lambda got, _: got.status_code == 503, heals=True)
PROOFS["wrong length"] = spoilt_download(
    "wrong length", lambda got, size: len(got.content) == size // 2, heals=True
)
PROOFS["corrupt"] = spoilt_download(
    "corrupt", lambda got, size: len(got.content) == size and not is_a_video(got.content)
)
PROOFS["corrupt once"] = spoilt_download(
    "corrupt once", lambda got, size: len(got.content) == size and not is_a_video(got.content), heals=True
)
PROOFS["redirected"] = spoilt_download(
    "redirected", lambda got, _: got.headers.get("Location", "").startswith("https://fal.invalid/files/")
)
PROOFS["wrong type"] = spoilt_download(
    "wrong type", lambda got, _: got.headers["Content-Type"].startswith("text/html")
)


@PROOFS.of("slow clip")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    emulator.follow({"drip_seconds": 0.01})
    video = fal.run("A cat [slow clip]").json()["video"]
    started = time.monotonic()
    assert is_a_video(anyone.get(video["url"]).content)
    assert time.monotonic() - started >= 40 * 0.01


def video_url(answer: httpx.Response) -> str:
    body: Any = answer.json()
    return str(body["video"]["url"])


@pytest.mark.parametrize("word", PROOFS)
def test_a_fate_does_what_its_row_says(word: str, emulator: Emulator, fal: Fal, sink: Sink) -> None:
    PROOFS[word](emulator, fal, sink)
