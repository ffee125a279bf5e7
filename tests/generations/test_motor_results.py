"""Odd, late, doubled and contradicting answers: nothing is lost, given away or open past its deadline."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import Storage
from django.db import connections
from django.utils import timezone

from generations import motor
from generations.fal.failures import Reason
from generations.models import Attempt, Delivery, State
from generations.reconcile import sweep
from tests.clips import finished
from tests.generations.ageing import age, ask_to_cancel, deliver, expire, now, submitted
from tests.generations.puppet import Puppet
from tests.world import World, video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

ODD = {
    "NUL": b'{"video": {"url": "http://127.0.0.1:1/x"}, "note": "a\\u0000b"}',
    "lone surrogate": b'{"video": {"url": "http://127.0.0.1:1/x"}, "note": "\\ud800"}',
    "NaN": b'{"video": {"url": "http://127.0.0.1:1/x", "duration": NaN}}',
    "infinite": b'{"video": {"url": "http://127.0.0.1:1/x", "duration": 1e999}}',
    "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no address": b'{"video": {"url": "https://[::1/x.mp4"}}',
    "a control character": b'{"video": {"url": "http://127.0.0.1:1/x\\u007f.mp4"}}',
    "no video": b"{}",
    "a number": b"7",
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_result_ends_by_the_deadline(lasting: World, puppet: Puppet, what: str) -> None:
    puppet.script["result"] = [(200, ODD[what])]
    generation, _ = submitted(lasting, puppet)
    for _ in range(5):
        expire(generation)
        motor.drive(generation.pk)
        expire(generation)
        motor.store(generation.pk)
    assert now(generation).state == State.FAILED
    assert generation.workspace.wallet.available == 1000


class FullBucket(Storage):
    """A storage whose refusals are no OSError, as object stores' are."""

    def _save(self, name: str, content: Any) -> str:
        raise RuntimeError("the bucket says no to 'a private prompt'")

    def exists(self, name: str) -> bool:
        return False


def test_an_error_nobody_foresaw_ends_by_the_deadline(
    lasting: World, puppet: Puppet, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    puppet.script["file"] = [(200, video())]
    generation, _ = submitted(lasting, puppet)
    motor.drive(generation.pk)
    bucket = {"BACKEND": f"{__name__}.FullBucket"}
    settings.STORAGES = {**settings.STORAGES, "default": bucket}
    motor.store(generation.pk)
    assert now(generation).is_asleep
    expire(generation)
    motor.store(generation.pk)
    assert now(generation).state == State.FAILED
    assert "RuntimeError" in caplog.text
    assert "private" not in caplog.text


def test_an_old_answer_does_not_replace_the_winners(lasting: World, puppet: Puppet) -> None:
    generation, attempt = submitted(lasting, puppet)
    asked, go = threading.Event(), threading.Event()

    def slow_then_quick() -> Any:
        if asked.is_set():
            return puppet.usual("result")
        asked.set()
        go.wait(10)
        return 500, {"detail": "late", "error_type": "runner_server_error"}

    puppet.script["result"] = slow_then_quick

    def sleeper() -> None:
        motor.drive(generation.pk)
        connections.close_all()

    thread = threading.Thread(target=sleeper)
    thread.start()
    assert asked.wait(10)
    age(generation)
    motor.drive(generation.pk)
    go.set()
    thread.join()
    attempt.refresh_from_db()
    assert (now(generation).state, attempt.result) == (State.STORING, puppet.video())


def test_one_404_after_many_looks_is_not_a_loss(lasting: World, puppet: Puppet) -> None:
    puppet.script["status"] = [(202, {"status": "IN_PROGRESS"})]
    generation, _ = submitted(lasting, puppet)
    for _ in range(5):
        motor.drive(generation.pk)
        age(generation)
    puppet.script["status"] = puppet.script["result"] = [(404, {"detail": "x"})]
    for _ in range(5):
        motor.drive(generation.pk)
        age(generation)
    assert now(generation).state == State.SUBMITTED
    Attempt.objects.update(lost_since=timezone.now() - timedelta(minutes=61))  # no list can be read here
    motor.drive(generation.pk)
    assert now(generation).reason == Reason.PROVIDER_FAULT


def test_a_gateways_5xx_is_not_the_models_failure(lasting: World, puppet: Puppet) -> None:
    puppet.script["result"] = [(503, {"detail": "Service Unavailable"}), puppet.usual("result")]
    generation, _ = submitted(lasting, puppet)
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTED
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING


def test_a_delivered_result_is_used_while_the_cancel_address_is_down(lasting: World, puppet: Puppet) -> None:
    puppet.script["cancel"] = [(500, {"detail": "x"})]
    generation, attempt = submitted(lasting, puppet)
    ask_to_cancel(generation)
    deliver(attempt, puppet)
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING


@pytest.mark.parametrize("what", ["a delivery", "a cancel"])
def test_what_comes_while_we_ask_is_looked_at_soon(lasting: World, puppet: Puppet, what: str) -> None:
    generation, attempt = submitted(lasting, puppet)

    def meanwhile() -> Any:
        if what == "a cancel":
            ask_to_cancel(generation)
        else:
            deliver(attempt, puppet)
        connections.close_all()
        return 202, {"status": "IN_PROGRESS"}

    puppet.script["status"] = meanwhile
    age(generation, tries=9)
    motor.drive(generation.pk)
    assert not now(generation).is_asleep
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING or now(generation).cancel_sent_at


def test_copies_of_a_job_burn_no_tries(lasting: World, puppet: Puppet) -> None:
    puppet.script["file"] = [(503, "busy")]
    generation, _ = submitted(lasting, puppet)
    motor.drive(generation.pk)
    for _ in range(6):
        motor.store(generation.pk)
        motor.drive(generation.pk)
    assert (now(generation).state, puppet.calls.count("file")) == (State.STORING, 1)


def test_a_delivery_after_the_end_is_acted_on_and_rings_no_more(lasting: World, settings: Any) -> None:
    settings.TIME_SCALE = 1_000_000
    done = finished(lasting)
    Delivery.objects.create(attempt=done.attempts.get(), digest="d", request_id="r", status="OK", body={})
    assert sweep() == 1
    motor.drive(done.pk)
    assert sweep() == 0


def test_a_gift_that_cannot_be_fetched_is_given_up(lasting: World, puppet: Puppet, settings: Any) -> None:
    generation, attempt = submitted(lasting, puppet)
    assert generation.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE)
    deliver(attempt, puppet)
    for _ in range(8):
        motor.drive(generation.pk)
        motor.store(generation.pk)
    assert puppet.calls.count("file") == 3
    settings.TIME_SCALE = 1_000_000
    assert sweep() == 0


def test_what_failed_for_good_is_not_given_away_by_a_job_left_over(lasting: World, puppet: Puppet) -> None:
    generation, attempt = submitted(lasting, puppet)
    motor.drive(generation.pk)
    for _ in range(5):
        age(generation)
        motor.store(generation.pk)
    assert now(generation).reason == Reason.MEDIA_LOST
    calls = puppet.calls.count("file")
    motor.store(generation.pk)
    deliver(attempt, puppet)  # nor by a webhook that comes after we knew how it ended
    motor.store(generation.pk)
    motor.drive(generation.pk)
    assert puppet.calls.count("file") == calls
    assert not Delivery.objects.filter(processed_at=None).exists()


def test_an_old_signature_is_a_reason_to_ask_and_not_to_believe(lasting: World, puppet: Puppet) -> None:
    puppet.script["status"] = [(202, {"status": "IN_PROGRESS"}), (200, {"status": "COMPLETED"})]
    generation, attempt = submitted(lasting, puppet)
    deliver(attempt, puppet)
    Delivery.objects.update(stale=True)
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTED
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING
