"""Every fate of a submit does what its row says."""

import time
from collections.abc import Callable

import httpx
import pytest

from fal_emulator.server import Emulator

from .conftest import Fal, Sink
from .proofs import Proof, Proofs

PROOFS = Proofs()


@PROOFS.of("reject")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answer = fal.post("A cat [reject]")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "prompt"]
    assert emulator.journal() == []


@PROOFS.of("busy")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answers = [fal.post("A cat [busy]") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert fal.post("A dog [busy]").status_code == 429  # counted by input
    assert len(emulator.journal()) == 1


@PROOFS.of("429")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answers = [fal.post("A cat [429]") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert "Retry-After" not in answers[0].headers
    assert len(emulator.journal()) == 1


@PROOFS.of("denied once")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    assert [fal.post("A cat [denied once]").status_code for _ in range(2)] == [401, 200]
    assert len(emulator.journal()) == 1


@PROOFS.of("locked")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    answer = fal.post("A cat [locked]")
    assert answer.status_code == 403
    assert "locked" in answer.json()["detail"]
    assert emulator.journal() == []


@PROOFS.of("drop")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        fal.post("A cat [drop]", webhook=sink.url)
    [line] = emulator.journal()
    assert sink.wait(1)[0].body["request_id"] == line["request_id"]


@PROOFS.of("refuse")
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
PROOFS["500"] = answered_with("500", 500, accepted=False)
PROOFS["502"] = answered_with("502", 502, accepted=True)
PROOFS["503"] = answered_with("503", 503, accepted=False)
PROOFS["504"] = answered_with("504", 504, accepted=True)


def broken_off(word: str, reset: bool, accepted: bool) -> Proof:
    """No usable answer: the line ends in order, or in a reset."""

    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        with pytest.raises(httpx.ReadError if reset else httpx.RemoteProtocolError):
            fal.post(f"A cat [{word}]", webhook=sink.url)
        assert len(emulator.journal()) == int(accepted)
        if accepted:
            assert sink.wait(1)[0].body["status"] == "OK"
        assert emulator.submits()[0]["fault"]

    return proof


PROOFS["rst"] = broken_off("rst", reset=True, accepted=True)
PROOFS["rst body"] = broken_off("rst body", reset=True, accepted=True)
PROOFS["rst before"] = broken_off("rst before", reset=True, accepted=False)


def stalls(word: str, accepted: bool) -> Proof:
    """Nothing comes while the caller is patient, and nothing after the stall."""

    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        with pytest.raises(httpx.ReadTimeout):
            fal.client.post("/fal-ai/veo3.1/lite", json={"prompt": f"A cat [{word}]"}, timeout=0.2)
        assert len(emulator.journal()) == int(accepted)
        emulator.follow({"stall_seconds": 0.1})
        with pytest.raises(httpx.RemoteProtocolError):
            fal.post(f"A dog [{word}]")

    return proof


PROOFS["stall"] = stalls("stall", accepted=True)
PROOFS["stall before"] = stalls("stall before", accepted=False)


def nonsense(word: str, is_nonsense: Callable[[httpx.Response], bool]) -> Proof:
    """Accepted, and answered with a 200 that is not what it should be."""

    def proof(emulator: Emulator, fal: Fal, sink: Sink) -> None:
        answer = fal.post(f"A cat [{word}]", webhook=sink.url)
        assert answer.status_code == 200
        assert is_nonsense(answer)
        [line] = emulator.journal()
        assert sink.wait(1)[0].body["request_id"] == line["request_id"]

    return proof


def is_no_json(answer: httpx.Response) -> bool:
    try:
        return answer.json() is None
    except ValueError:
        return True


PROOFS["broken"] = nonsense("broken", lambda answer: bool(answer.content) and is_no_json(answer))
PROOFS["empty"] = nonsense("empty", lambda answer: answer.content == b"")
PROOFS["huge"] = nonsense("huge", lambda answer: len(answer.content) > 10_000_000)
PROOFS["wrong types"] = nonsense("wrong types", lambda answer: answer.json()["request_id"] == [7, None])
PROOFS["no id"] = nonsense(
    "no id", lambda answer: "status_url" in answer.json() and "request_id" not in answer.json()
)
PROOFS["foreign"] = nonsense(
    "foreign", lambda answer: answer.json()["status_url"].startswith("https://fal.invalid/")
)


@PROOFS.of("drip")
def _(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    emulator.follow({"drip_seconds": 0.02})
    started = time.monotonic()
    with fal.client.stream("POST", "/fal-ai/veo3.1/lite", json={"prompt": "A cat [drip]"}) as answer:
        pieces = [len(piece) for _, piece in zip(range(10), answer.iter_raw(), strict=False)]
    assert sum(pieces) <= 1 + (time.monotonic() - started) / 0.02  # a late reader finds some of them together
    assert len(emulator.journal()) == 1


@pytest.mark.parametrize("word", PROOFS)
def test_a_fate_does_what_its_row_says(word: str, emulator: Emulator, fal: Fal, sink: Sink) -> None:
    PROOFS[word](emulator, fal, sink)
