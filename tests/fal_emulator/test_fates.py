"""Every fate in the table does what its row says; those of submits and results have modules of their own."""

import io
import time

import av
import pytest

from fal_emulator import fates
from fal_emulator.effects import ORDINARY
from fal_emulator.fates import FATES
from fal_emulator.server import Emulator

from .conftest import Fal, Sink, wait_until
from .proofs import Proof, Proofs
from .test_fates_of_results import PROOFS as RESULTS
from .test_fates_of_results import clip_of
from .test_fates_of_submits import PROOFS as SUBMITS
from .test_webhooks import is_genuine

PROOFS = Proofs()


def test_every_fate_has_its_proof() -> None:
    assert PROOFS.keys() | SUBMITS.keys() | RESULTS.keys() == {fate.word for fate in FATES}


def test_fates_are_found_in_any_case_and_in_any_number() -> None:
    assert fates.words_in("A cat [Slow] on a mat [LOST WEBHOOK]") == [
        "slow",
        "lost webhook",
    ]
    effect = fates.effect_of(["slow", "silent", "twice", "drop", "gone", "clip 503"])
    assert (effect.pace, effect.soundless, effect.copies, effect.gone) == (5.0, True, 2, True)
    assert [trouble.kind for trouble in effect.troubles] == ["drop", "503"]


def test_prompts_without_brackets_have_no_fate() -> None:
    for prompt in ("policy, slow and never fail (reject)", None, 7):
        assert fates.effect_of(fates.words_in(prompt)) == ORDINARY


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


@PROOFS.of("slow")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    metrics = fal.completed(fal.submit("A cat [slow]"))["metrics"]
    assert metrics["inference_time"] >= 5 * 4.0 / emulator.app.world.timeline.speed


@PROOFS.of("never")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [never]")
    wait_until(lambda: fal.status(job).json()["status"] == "IN_PROGRESS")
    time.sleep(0.4)
    assert fal.status(job).json()["status"] == "IN_PROGRESS"
    assert fal.client.put(job["cancel_url"]).status_code == 202
    assert fal.result(job).status_code == 499


@PROOFS.of("lost webhook")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    assert fal.result(fal.submit("A cat [lost webhook]", webhook=sink.url)).status_code == 200
    time.sleep(0.2)
    assert (sink.arrivals, emulator.deliveries()) == ([], [])


@PROOFS.of("twice")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    sink.pause = 0.3
    fal.submit("A cat [twice]", webhook=sink.url)
    first, second = sink.wait(2)
    assert first.body == second.body
    assert abs(first.time - second.time) < 0.3  # the second did not wait for the first


@PROOFS.of("early")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [early]", webhook=sink.url)
    assert [one.body["request_id"] for one in sink.arrivals] == [job["request_id"]]
    assert fal.client.get(job["response_url"]).status_code == 200


@PROOFS.of("late")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [late]", webhook=sink.url)
    fal.completed(job)
    done = time.monotonic()
    assert sink.arrivals == []
    assert sink.wait(1)[0].time - done >= 15 / emulator.app.world.timeline.speed


@PROOFS.of("null")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [null]", webhook=sink.url)
    body = sink.wait(1)[0].body
    assert (body["status"], body["payload"]) == ("OK", None)
    assert body["payload_error"]
    assert fal.result(job).json()["video"]["url"]


@PROOFS.of("contradict")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [contradict]", webhook=sink.url)
    arrivals = sink.wait(2)
    assert [one.body["status"] for one in arrivals] == ["ERROR", "OK"]
    assert all(is_genuine(one, fal) for one in arrivals)
    assert fal.result(job).status_code == 200


@PROOFS.of("forged")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    fal.submit("A cat [forged]", webhook=sink.url)
    forged, foreign, real = sink.wait(3)
    assert not is_genuine(forged, fal)
    assert forged.headers["x-fal-webhook-user-id"] == "emulator-account"
    assert is_genuine(foreign, fal)
    assert foreign.headers["x-fal-webhook-user-id"] != "emulator-account"
    assert is_genuine(real, fal)
    assert real.body["status"] == "OK"


@PROOFS.of("silent")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    clip = clip_of(fal.run("A cat [silent]", generate_audio=True))
    with av.open(io.BytesIO(clip), "r") as container:
        assert not container.streams.audio


@PROOFS.of("short")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    clip = clip_of(fal.run("A cat [short]", duration="4s"))
    with av.open(io.BytesIO(clip), "r") as container:
        assert container.duration is not None
        assert abs(container.duration / av.time_base - 2) < 0.1


@PROOFS.of("odd")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    usual, odd = fal.submit("A cat"), fal.submit("A cat [odd]")
    plain, status = fal.completed(usual), fal.completed(odd)
    assert set(status) > set(plain)
    assert {line["level"] for line in status["logs"]} > {line["level"] for line in plain["logs"]}
    assert set(fal.result(odd).json()) > set(fal.result(usual).json())


@PROOFS.of("uncancellable")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [uncancellable]", webhook=sink.url)
    answer = fal.client.put(job["cancel_url"])
    assert (answer.status_code, answer.json()["status"]) == (
        202,
        "CANCELLATION_REQUESTED",
    )
    assert fal.result(job).status_code == 200
    assert sink.wait(1)[0].body["status"] == "OK"


@PROOFS.of("cancel race")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [cancel race] [never]", webhook=sink.url)
    answer = fal.client.put(job["cancel_url"])
    assert (answer.status_code, answer.json()["status"]) == (202, "CANCELLATION_REQUESTED")
    assert [one.body["status"] for one in sink.arrivals] == ["OK"]  # there before the answer was
    assert fal.client.get(job["response_url"]).status_code == 200


@pytest.mark.parametrize("word", PROOFS)
def test_a_fate_does_what_its_row_says(word: str, emulator: Emulator, fal: Fal, sink: Sink) -> None:
    PROOFS[word](emulator, fal, sink)
