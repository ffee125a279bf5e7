"""For each way fal may treat a request: where it ends, what it costs, and how often fal took it.

This table is the specification of the motor. Webhooks, workers and fal are real processes or threads
that meet over HTTP and Redis; only the business timers are shortened.
"""

import time
from dataclasses import dataclass
from typing import Any

import pytest

from fal_emulator.fates import FATES
from generations import motor
from generations.fal.failures import Reason
from generations.models import Delivery, Generation, State
from generations.reconcile import sweep
from tests.world import Studio

PRICE = 40  # Lite, 8 s, 720p with audio


@dataclass(frozen=True)
class End:
    """How a generation ends. `scale` shortens business time, for fates that wait for a deadline."""

    state: State = State.SUCCEEDED
    reason: str = ""
    accepted: int = 1
    scale: float = 100.0
    field: str = ""

    @property
    def charged(self) -> int:
        return PRICE if self.state == State.SUCCEEDED else 0


ENDS: dict[str, End] = {
    "reject": End(State.FAILED, Reason.BAD_INPUT, accepted=0, field="prompt"),
    "policy": End(State.FAILED, Reason.CONTENT_POLICY, field="prompt"),
    "no media": End(State.FAILED, Reason.CONTENT_POLICY),
    "invalid": End(State.FAILED, Reason.BAD_INPUT),
    "fail": End(State.FAILED, Reason.PROVIDER_FAULT),
    "timeout": End(State.FAILED, Reason.TIMEOUT),
    "busy": End(),
    "429": End(),
    "denied once": End(),
    "slow": End(),
    "never": End(State.FAILED, Reason.DEADLINE, scale=8000),
    "drop": End(),
    "refuse": End(State.FAILED, Reason.UNCONFIRMED, accepted=0, scale=1000),
    "rst": End(),
    "rst body": End(),
    "rst before": End(State.FAILED, Reason.UNCONFIRMED, accepted=0, scale=1000),
    "stall": End(),
    "stall before": End(State.FAILED, Reason.UNCONFIRMED, accepted=0, scale=1000),
    "drip": End(),
    "html": End(),
    "broken": End(),
    "empty": End(),
    "huge": End(),
    "wrong types": End(),
    "no id": End(),
    "foreign": End(),
    "500": End(State.FAILED, Reason.UNCONFIRMED, accepted=0, scale=1000),
    "502": End(),
    "503": End(State.FAILED, Reason.UNCONFIRMED, accepted=0, scale=1000),
    "504": End(),
    "lost webhook": End(),
    "twice": End(),
    "early": End(),
    "late": End(),
    "null": End(),
    "contradict": End(),
    "forged": End(),
    "forgotten": End(State.FAILED, Reason.PROVIDER_FAULT, scale=1000),
    "lost result": End(State.FAILED, Reason.PROVIDER_FAULT, scale=1000),
    "expired result": End(),
    "null result": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "no video": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "foreign video": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "result 500": End(),
    "result 503": End(),
    "silent": End(),
    "short": End(),
    "gone": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "gone once": End(),
    "forbidden once": End(),
    "truncated": End(),
    "wrong length": End(),
    "corrupt": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "corrupt once": End(),
    "redirected": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "wrong type": End(State.FAILED, Reason.MEDIA_LOST, scale=1000),
    "slow clip": End(),
    "clip 503": End(),
    "odd": End(),
    "uncancellable": End(),
    "cancel race": End(),
}
# Waits for an operator, so it has a test of its own below.
ELSEWHERE = {"locked"}


def test_every_fate_of_the_emulator_has_its_end_declared() -> None:
    assert {fate.word for fate in FATES} == set(ENDS) | ELSEWHERE


@pytest.mark.parametrize("word", ENDS)
def test_a_fate_ends_as_declared(studio: Studio, settings: Any, word: str) -> None:
    end = ENDS[word]
    settings.TIME_SCALE = end.scale
    # Real seconds of a peer that stalls or drips; the deadlines of a call have tests of their own.
    studio.fal.follow({"stall_seconds": 0.5, "drip_seconds": 0.002})
    generation = studio.place(prompt=f"A lighthouse in a storm [{word}]")
    studio.settle(generation)
    assert (generation.state, generation.reason) == (end.state, end.reason)
    assert studio.accepted(generation) == end.accepted
    wallet = studio.wallet()
    assert (generation.charged, wallet.held, wallet.available) == (end.charged, 0, 1000 - end.charged)
    if end.field:
        assert generation.reason_field == end.field


@pytest.mark.both_databases
def test_an_ordinary_request_becomes_a_stored_clip(studio: Studio) -> None:
    generation = studio.place()
    assert studio.wallet().held == PRICE
    studio.settle(generation)
    clip = generation.clip
    assert clip is not None
    assert (clip.width, clip.height, clip.seconds, clip.has_audio) == (1280, 720, 8.0, True)
    assert clip.differences == []
    assert studio.wallet().posted == 1000 - PRICE
    assert [change.after for change in generation.changes.all()] == [
        "queued", "submitting", "submitted", "storing", "succeeded",
    ]  # fmt: skip


def test_what_differs_from_what_was_bought_is_recorded(studio: Studio) -> None:
    silent = studio.place(prompt="Waves [silent]")
    short = studio.place(prompt="Waves [short]")
    studio.settle()
    for generation, words in ((silent, "no audio track"), (short, "instead of 8 s")):
        generation.refresh_from_db()
        assert generation.clip
        assert words in " ".join(generation.clip.differences)


def test_a_locked_account_keeps_everything_queued_until_the_operator_acts(studio: Studio) -> None:
    generation = studio.place(prompt="Waves [locked]")
    for _ in range(3):
        studio.work()
    generation.refresh_from_db()
    assert generation.state == State.QUEUED
    assert studio.wallet().held == PRICE
    assert generation.finish(State.CANCELLED, cause="test")
    assert studio.wallet().available == 1000


def test_without_redis_only_the_reconciler_is_needed(studio: Studio) -> None:
    generation = studio.place()
    studio.empty_queues()
    studio.settle(generation)
    assert generation.state == State.SUCCEEDED


def test_driving_twice_at_every_step_changes_nothing(studio: Studio) -> None:
    generation = studio.place()
    while Generation.objects.get(pk=generation.pk).is_open:
        for _ in range(2):
            motor.drive(generation.pk)
            motor.store(generation.pk)
        studio.empty_queues()
    studio.settle(generation)
    assert generation.state == State.SUCCEEDED
    assert studio.accepted(generation) == 1
    motor.drive(generation.pk)
    motor.store(generation.pk)
    assert studio.wallet().posted == 1000 - PRICE


def test_a_result_after_we_gave_up_is_a_gift(studio: Studio, settings: Any) -> None:
    settings.FAL_API_URL = "http://127.0.0.1:9/v1"  # nobody can say what fal has
    settings.TIME_SCALE = 100_000  # a quarter of an hour passes in a hundredth of a second
    generation = studio.place(prompt="A comet [drop] [slow]")
    while Generation.objects.get(pk=generation.pk).is_open:
        studio.work()
        sweep()
    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, Reason.UNCONFIRMED)
    assert studio.wallet().available == 1000
    settings.TIME_SCALE = 100
    for _ in range(200):
        studio.work()
        if Generation.objects.get(pk=generation.pk).state == State.SUCCEEDED:
            break
        time.sleep(0.05)
    generation.refresh_from_db()
    assert generation.state == State.SUCCEEDED
    assert generation.late_free
    assert generation.charged == 0
    assert studio.wallet().available == 1000


def test_cancelling_a_running_clip_releases_when_fal_stopped_it(studio: Studio) -> None:
    generation = studio.place(prompt="A slow train [never]")
    studio.work()
    Generation.objects.filter(pk=generation.pk).update(cancel_requested_at=generation.created_at)
    studio.settle(generation)
    assert generation.state == State.CANCELLED
    assert studio.wallet().available == 1000


def test_cancelling_too_late_keeps_and_charges_the_clip(studio: Studio) -> None:
    generation = studio.place(prompt="A slow train [uncancellable] [slow]")
    studio.work()
    Generation.objects.filter(pk=generation.pk).update(cancel_requested_at=generation.created_at)
    studio.settle(generation)
    assert generation.state == State.SUCCEEDED
    assert generation.charged == PRICE


def test_a_clip_that_completes_while_it_is_cancelled_is_kept_and_charged(studio: Studio) -> None:
    generation = studio.place(prompt="A slow train [cancel race] [never]")
    studio.work()
    Generation.objects.filter(pk=generation.pk).update(cancel_requested_at=generation.created_at)
    studio.settle(generation)
    assert generation.state == State.SUCCEEDED
    assert generation.charged == PRICE
    assert studio.accepted(generation) == 1


def test_nothing_that_was_delivered_is_left_waiting(studio: Studio) -> None:
    for word in ("twice", "contradict", "late", "policy"):
        studio.place(prompt=f"A bell [{word}]")
    studio.settle()
    time.sleep(0.6)  # the last copies come after the end
    studio.work()
    assert not Delivery.objects.filter(processed_at=None).exists()


def test_a_step_that_always_breaks_ends_at_the_deadline(studio: Studio) -> None:
    generation = studio.place()
    Generation.objects.filter(pk=generation.pk).update(endpoint="fal-ai/nobody-knows-it")
    motor.drive(generation.pk)
    generation.refresh_from_db()
    assert generation.is_open
    past = generation.created_at
    Generation.objects.filter(pk=generation.pk).update(deadline_at=past, lease_until=past, wake_at=past)
    motor.drive(generation.pk)  # found in submitting with nothing sent: back to the queue
    motor.drive(generation.pk)
    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, Reason.DEADLINE)
    assert studio.wallet().available == 1000


def test_a_cancelled_clip_that_was_put_back_is_not_sent_again(studio: Studio) -> None:
    generation = studio.place(prompt="Waves [busy]")
    studio.work()
    Generation.objects.filter(pk=generation.pk).update(cancel_requested_at=generation.created_at)
    studio.settle(generation)
    assert generation.state == State.CANCELLED
    assert studio.accepted(generation) == 0


def test_a_delivery_is_kept_once_however_often_it_comes(studio: Studio) -> None:
    generation = studio.place(prompt="A bell [twice]")
    studio.settle(generation)
    assert Delivery.objects.filter(attempt__generation=generation).count() <= 2
    assert generation.state == State.SUCCEEDED
