"""One paid request, whatever becomes of the worker that sends it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from generations import motor
from generations.fal.failures import Reason
from generations.models import Attempt, Generation, State
from tests.generations.ageing import age, ask_to_cancel, deliver, expire, now, place
from tests.generations.puppet import Puppet
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

WITH_PICTURE = "fal-ai/veo3.1/lite/image-to-video"


def test_a_worker_killed_while_sending_is_never_followed_by_a_second_post(
    lasting: World, puppet: Puppet, settings: Any
) -> None:
    settings.FAL_API_URL = f"{puppet.url}/v1"
    generation = place(lasting)
    assert generation.claim(State.SUBMITTING, seconds=60, cause="claimed")
    prepared = Attempt.prepare(generation, {})
    assert prepared
    assert prepared[0].begin(generation)
    for _ in range(4):
        age(generation)
        motor.drive(generation.pk)
    assert now(generation).state == State.AMBIGUOUS
    expire(generation)
    motor.drive(generation.pk)
    assert (now(generation).reason, puppet.submits) == (Reason.UNCONFIRMED, 0)


def test_a_worker_killed_before_sending_is_followed_by_one(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting)
    assert generation.claim(State.SUBMITTING, seconds=60, cause="claimed")
    assert Attempt.prepare(generation, {})
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.QUEUED
    age(generation)
    motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.SUBMITTED, 1)


def test_a_worker_that_slept_past_its_lease_may_not_send(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting)
    sleeper = now(generation)
    assert sleeper.claim(State.SUBMITTING, seconds=60, cause="claimed")
    prepared = Attempt.prepare(sleeper, {})
    assert prepared
    age(generation)
    motor.drive(generation.pk)  # another worker takes over
    assert not prepared[0].begin(sleeper)
    assert Attempt.prepare(sleeper, {}) is None


def test_one_of_taking_over_and_sending_wins(
    lasting: World, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sleeper begins exactly between the other worker's look and its move."""
    generation = place(lasting)
    sleeper = now(generation)
    assert sleeper.claim(State.SUBMITTING, seconds=60, cause="claimed")
    prepared = Attempt.prepare(sleeper, {})
    assert prepared
    age(generation)
    move = Generation.move

    def late_move(self: Generation, to: State, **options: Any) -> bool:
        monkeypatch.setattr(Generation, "move", move)
        assert prepared[0].begin(sleeper)
        return self.move(to, **options)

    monkeypatch.setattr(Generation, "move", late_move)
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTING
    assert generation.attempts.get().state == Attempt.State.SENDING


def test_an_accepted_request_survives_the_worker_that_sent_it(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting)
    assert generation.claim(State.SUBMITTING, seconds=60, cause="claimed")
    Attempt.objects.create(
        generation=generation,
        number=1,
        token_hash="x",
        state="accepted",
        request_id="r-1",
        sent_at=generation.created_at,
    )
    age(generation)
    motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.SUBMITTED, 0)


def test_a_webhook_outweighs_a_refusal(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting)
    puppet.script["submit"] = [(429, {"detail": "busy"}), puppet.accepted("r-2")]
    motor.drive(generation.pk)
    deliver(generation.attempts.get(), puppet, "r-1")
    motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.STORING, 1)


def test_a_refusal_after_an_early_webhook_ends_nothing(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting)

    def refuse() -> Any:
        deliver(Attempt.objects.get(generation=generation), puppet, "early-1")
        motor.drive(generation.pk)
        connections.close_all()
        return 422, {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "missing"}]}

    puppet.script["submit"] = refuse
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING


def test_a_cancel_before_anything_was_sent_sends_nothing(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting, WITH_PICTURE)

    def initiate() -> Any:
        ask_to_cancel(generation)
        connections.close_all()
        return puppet.usual("initiate")

    puppet.script["initiate"] = initiate
    motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.CANCELLED, 0)


def test_a_cancel_while_an_upload_fails_sends_nothing(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting, WITH_PICTURE)

    def initiate() -> Any:
        ask_to_cancel(generation)
        connections.close_all()
        return 503, {"detail": "x"}

    puppet.script["initiate"] = initiate
    motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.CANCELLED, 0)


def test_a_cancel_of_what_a_dead_worker_had_claimed_sends_nothing(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting)
    assert generation.claim(State.SUBMITTING, seconds=60, cause="claimed")
    ask_to_cancel(generation)
    for _ in range(2):
        age(generation)
        motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.CANCELLED, 0)


@pytest.mark.parametrize("patience", ["9999999", "1e308", "inf", "nan", "soon"])
def test_no_wait_outlasts_the_deadline(lasting: World, puppet: Puppet, patience: str) -> None:
    puppet.script["submit"] = [(429, {"detail": "busy"}, {"Retry-After": patience})]
    generation = place(lasting)
    motor.drive(generation.pk)
    after = now(generation)
    assert after.wake_at
    assert after.wake_at - timezone.now() < timedelta(minutes=6)
    assert after.wake_at <= after.deadline_at


def test_a_slow_upload_keeps_its_lease(lasting: World, puppet: Puppet) -> None:
    generation = place(lasting, WITH_PICTURE)

    def put() -> Any:
        # A sweep comes by while the bytes go out.
        assert now(generation).lease_until
        motor.drive(generation.pk)
        connections.close_all()
        return 200, {}

    puppet.script["put"] = put
    motor.drive(generation.pk)
    assert (now(generation).state, puppet.submits) == (State.SUBMITTED, 1)
