"""Every fate in the table does what its row says."""

import io
import time
from collections.abc import Callable
from typing import Any

import av
import httpx
import pytest

from fal_emulator import fates
from fal_emulator.fates import FATES
from fal_emulator.server import Emulator

from .conftest import Fal, Sink, anyone, wait_until
from .test_webhooks import is_genuine

Proof = Callable[[Emulator, Fal, Sink], None]
PROOFS: dict[str, Proof] = {}


def proves(word: str) -> Callable[[Proof], Proof]:
    def keep(proof: Proof) -> Proof:
        PROOFS[word] = proof
        return proof

    return keep


@pytest.mark.parametrize("word", [fate.word for fate in FATES])
def test_a_fate_does_what_its_row_says(word: str, emulator: Emulator, fal: Fal, sink: Sink) -> None:
    PROOFS[word](emulator, fal, sink)


def test_no_proof_is_left_over_from_a_fate_that_is_gone() -> None:
    assert set(PROOFS) == {fate.word for fate in FATES}


def test_fates_are_found_in_any_case_and_in_any_number() -> None:
    assert fates.words_in("A cat [Slow] on a mat [LOST WEBHOOK]") == [
        "slow",
        "lost webhook",
    ]
    effect = fates.effect_of("[slow] [silent] [twice]")
    assert (effect.pace, effect.soundless, effect.copies) == (5.0, True, 2)


def test_prompts_without_brackets_have_no_fate() -> None:
    assert fates.effect_of("policy, slow and never fail (reject)") == fates.ORDINARY
    assert fates.effect_of(None) == fates.ORDINARY


def fails(kind: str, status: int) -> Proof:
    """Accepted, COMPLETED, and then this error at the result and in the webhook."""

    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        word = next(fate.word for fate in FATES if fate.effect.failure == kind)
        job = fal.submit(f"A cat [{word}]", webhook=sink.url)
        result = fal.result(job)
        assert result.status_code == status
        assert result.headers["X-Fal-Error-Type"] == kind
        assert result.headers["X-Fal-Retryable"] == ("true" if status >= 500 else "false")
        assert "X-Fal-Billable-Units" not in result.headers
        body = sink.wait(1)[0].body
        assert (body["status"], body["error"]) == (
            "ERROR",
            f"Invalid status code: {status}",
        )
        assert body["payload"] == result.json()
        detail = result.json()["detail"]
        assert (detail[0]["type"] if isinstance(detail, list) else result.json()["error_type"]) == kind

    return proof


PROOFS["policy"] = fails("content_policy_violation", 422)
PROOFS["no media"] = fails("no_media_generated", 422)
PROOFS["invalid"] = fails("image_too_small", 422)
PROOFS["fail"] = fails("runner_server_error", 500)
PROOFS["timeout"] = fails("generation_timeout", 504)


@proves("reject")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answer = fal.post("A cat [reject]")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "prompt"]
    assert emulator.journal() == []


@proves("busy")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answers = [fal.post("A cat [busy]") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert fal.post("A dog [busy]").status_code == 429  # counted by input
    assert len(emulator.journal()) == 1


@proves("locked")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answer = fal.post("A cat [locked]")
    assert answer.status_code == 403
    assert "locked" in answer.json()["detail"]
    assert emulator.journal() == []


@proves("slow")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    metrics = fal.completed(fal.submit("A cat [slow]"))["metrics"]
    assert metrics["inference_time"] >= 5 * 4.0 / emulator.app.world.timeline.speed


@proves("never")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [never]")
    wait_until(lambda: fal.status(job).json()["status"] == "IN_PROGRESS")
    time.sleep(0.4)
    assert fal.status(job).json()["status"] == "IN_PROGRESS"
    assert fal.client.put(job["cancel_url"]).status_code == 202
    assert fal.result(job).status_code == 499


@proves("drop")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        fal.post("A cat [drop]", webhook=sink.url)
    [line] = emulator.journal()
    assert sink.wait(1)[0].body["request_id"] == line["request_id"]


@proves("refuse")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        fal.post("A cat [refuse]")
    assert emulator.journal() == []


def answered_with(word: str, status: int, accepted: bool) -> Proof:
    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        for _ in range(2):
            answer = fal.post(f"A cat [{word}]", webhook=sink.url)
            assert answer.status_code == status
            assert answer.headers["Content-Type"].startswith("text/html")
            assert "x-fal-request-id" not in answer.headers
        assert len(emulator.journal()) == (2 if accepted else 0)
        if accepted:
            assert {one.body["status"] for one in sink.wait(2)} == {"OK"}

    return proof


PROOFS["html"] = answered_with("html", 200, accepted=True)
PROOFS["502"] = answered_with("502", 502, accepted=True)
PROOFS["503"] = answered_with("503", 503, accepted=False)


@proves("lost webhook")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    assert fal.result(fal.submit("A cat [lost webhook]", webhook=sink.url)).status_code == 200
    time.sleep(0.2)
    assert (sink.arrivals, emulator.deliveries()) == ([], [])


@proves("twice")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    sink.pause = 0.3
    fal.submit("A cat [twice]", webhook=sink.url)
    first, second = sink.wait(2)
    assert first.body == second.body
    assert abs(first.time - second.time) < 0.3  # the second did not wait for the first


@proves("early")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [early]", webhook=sink.url)
    assert [one.body["request_id"] for one in sink.arrivals] == [job["request_id"]]
    assert fal.client.get(job["response_url"]).status_code == 200


@proves("late")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [late]", webhook=sink.url)
    fal.completed(job)
    done = time.monotonic()
    assert sink.arrivals == []
    assert sink.wait(1)[0].time - done >= 15 / emulator.app.world.timeline.speed


@proves("null")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [null]", webhook=sink.url)
    body = sink.wait(1)[0].body
    assert (body["status"], body["payload"]) == ("OK", None)
    assert body["payload_error"]
    assert fal.result(job).json()["video"]["url"]


@proves("contradict")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [contradict]", webhook=sink.url)
    arrivals = sink.wait(2)
    assert [one.body["status"] for one in arrivals] == ["ERROR", "OK"]
    assert all(is_genuine(one, fal) for one in arrivals)
    assert fal.result(job).status_code == 200


@proves("forged")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    fal.submit("A cat [forged]", webhook=sink.url)
    forged, foreign, real = sink.wait(3)
    assert not is_genuine(forged, fal)
    assert forged.headers["x-fal-webhook-user-id"] == "emulator-account"
    assert is_genuine(foreign, fal)
    assert foreign.headers["x-fal-webhook-user-id"] != "emulator-account"
    assert is_genuine(real, fal)
    assert real.body["status"] == "OK"


def clip_of(answer: httpx.Response) -> bytes:
    return anyone.get(answer.json()["video"]["url"]).raise_for_status().content


@proves("silent")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    clip = clip_of(fal.run("A cat [silent]", generate_audio=True))
    with av.open(io.BytesIO(clip), "r") as container:
        assert not container.streams.audio


@proves("short")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    clip = clip_of(fal.run("A cat [short]", duration="4s"))
    with av.open(io.BytesIO(clip), "r") as container:
        assert container.duration is not None
        assert abs(container.duration / av.time_base - 2) < 0.1


@proves("gone")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [gone]")
    for _ in range(2):
        assert anyone.get(video_url(fal.result(job))).status_code == 404


@proves("gone once")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [gone once]", webhook=sink.url)
    told = sink.wait(1)[0].body["payload"]["video"]["url"]
    assert video_url(fal.result(job)) == told
    assert anyone.get(told).status_code == 404
    fresh = video_url(fal.result(job))
    assert fresh != told
    assert anyone.get(fresh).status_code == 200


@proves("truncated")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    video = fal.run("A cat [truncated]").json()["video"]
    with pytest.raises(httpx.RemoteProtocolError):
        anyone.get(video["url"])
    assert len(anyone.get(video["url"]).content) == video["file_size"]


@proves("odd")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    usual, odd = fal.submit("A cat"), fal.submit("A cat [odd]")
    plain, status = fal.completed(usual), fal.completed(odd)
    assert set(status) > set(plain)
    assert {line["level"] for line in status["logs"]} > {line["level"] for line in plain["logs"]}
    assert set(fal.result(odd).json()) > set(fal.result(usual).json())


@proves("uncancellable")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [uncancellable]", webhook=sink.url)
    answer = fal.client.put(job["cancel_url"])
    assert (answer.status_code, answer.json()["status"]) == (
        202,
        "CANCELLATION_REQUESTED",
    )
    assert fal.result(job).status_code == 200
    assert sink.wait(1)[0].body["status"] == "OK"


def video_url(answer: httpx.Response) -> str:
    body: Any = answer.json()
    return str(body["video"]["url"])
