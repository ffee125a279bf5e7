"""When fal is unwell: who stops asking when, who finds out that it is well again, and at what cost."""

import threading
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone

from generations import line, motor
from generations.gateway import connect
from generations.models import Breaker, Generation, State
from generations.motor import door
from tests.generations.ageing import age, now, place
from tests.generations.puppet import Answer, Puppet
from tests.world import Studio, World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

BROKEN: Answer = (502, b"<html>")
LOCKED: Answer = (403, {"detail": "User is locked. Reason: Exhausted balance."})
UNKNOWN: Answer = (404, {"detail": "Request not found"})


def breaker() -> Breaker:
    return Breaker.objects.get()


def open_for(seconds: float, **more: Any) -> None:
    """fal's door is shut, and the pause ends so far from now."""
    until = timezone.now() + timedelta(seconds=seconds)
    Breaker.objects.update_or_create(pk="fal", defaults={"state": "open", "until": until, **more})


def sent(world: World) -> Generation:
    """One more paid request; whatever comes of it."""
    generation = place(world)
    motor.drive(generation.pk)
    return now(generation)


def pauses() -> float:
    """How many seconds it pauses from now on."""
    until = breaker().until
    assert until
    return (until - timezone.now()).total_seconds()


def test_the_fifth_lost_answer_in_a_row_opens_it_and_nothing_more_is_sent(
    lasting: World, puppet: Puppet
) -> None:
    puppet.script["submit"] = [BROKEN]
    for count in range(1, 6):
        assert sent(lasting).state == State.AMBIGUOUS
        assert breaker().is_open == (count == 5)
    assert 25 < pauses() <= 30
    kept = sent(lasting)
    assert (kept.state, kept.turn_at, puppet.submits) == (State.QUEUED, None, 5)


def test_four_and_a_good_one_and_four_do_not_open_it(lasting: World, puppet: Puppet) -> None:
    puppet.script["submit"] = [BROKEN] * 4 + [puppet.accepted("r-1")] + [BROKEN]
    for _ in range(9):
        sent(lasting)
    assert not breaker().is_open


def test_five_over_more_than_half_a_minute_do_not_open_it(lasting: World, puppet: Puppet) -> None:
    puppet.script["submit"] = [BROKEN]
    for _ in range(4):
        sent(lasting)
    Breaker.objects.update(failing_since=timezone.now() - timedelta(seconds=31))
    sent(lasting)
    assert (breaker().is_open, breaker().failures) == (False, 1)


@pytest.mark.parametrize("answer", [LOCKED, (401, {"detail": "Authentication is required"})])
def test_a_key_or_a_balance_that_is_no_good_opens_it_at_once(
    lasting: World, puppet: Puppet, answer: Answer
) -> None:
    puppet.script["submit"] = [answer]
    kept = sent(lasting)
    assert (kept.state, breaker().is_open) == (State.QUEUED, True)
    assert "locked" in breaker().reason
    assert lasting.alice.workspace.wallet.holds.get().state == "held"


def test_while_it_is_open_nobody_asks_fal_anything(lasting: World, puppet: Puppet) -> None:
    submitted = sent(lasting)
    open_for(30)
    puppet.calls.clear()
    age(submitted)
    motor.drive(submitted.pk)
    sent(lasting)
    assert puppet.calls == []


def test_of_many_workers_one_probes(lasting: World, puppet: Puppet) -> None:
    open_for(-1)
    puppet.script["status"] = [UNKNOWN]
    barrier, answers = threading.Barrier(8), list[bool]()

    def worker() -> None:
        barrier.wait(30)
        answers.append(door.open_to(connect()))
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    # Whoever looks after the probe came back finds the door ajar.
    assert len(answers) == 8
    assert puppet.calls == ["status"]
    assert breaker().state == "trying"


@pytest.mark.parametrize("answer", [BROKEN, (401, {"detail": "x"}), (429, {"detail": "x"}), (200, b"<html>")])
def test_each_probe_that_comes_to_nothing_doubles_the_pause_up_to_two_minutes(
    lasting: World, puppet: Puppet, answer: Answer
) -> None:
    open_for(-1, pause=30.0)
    puppet.script["status"] = [answer]
    for pause in (60, 120, 120, 120, 120):
        assert not door.open_to(connect())
        assert (breaker().is_open, breaker().pause) == (True, pause)
        assert pause - 5 < pauses() <= pause
        open_for(-1)
    assert len(puppet.calls) == 5


def test_a_probe_lets_one_paid_request_try_and_that_one_closes_it(lasting: World, puppet: Puppet) -> None:
    open_for(-1, pause=120.0, failures=7)
    puppet.script["status"] = [UNKNOWN]
    first = sent(lasting)
    second = place(lasting)
    assert first.state == State.SUBMITTED
    assert (breaker().state, breaker().failures, breaker().pause) == ("closed", 0, 30.0)
    assert line.move_up() == [second.pk]


def test_turns_that_were_given_before_it_opened_are_void(lasting: World, puppet: Puppet) -> None:
    """The line lets dozens go at once; when the first five find fal broken, the others stay."""
    waits = [place(lasting) for _ in range(8)]
    assert len(line.move_up()) == 8
    puppet.script["submit"] = [BROKEN]
    puppet.script["status"] = [UNKNOWN]
    for each in waits:
        motor.drive(each.pk)
    assert puppet.submits == 5
    assert [now(each).state for each in waits] == [State.AMBIGUOUS] * 5 + [State.QUEUED] * 3
    Breaker.objects.update(until=timezone.now() - timedelta(seconds=1))
    for each in waits[5:]:
        motor.drive(each.pk)
    assert puppet.submits == 6  # one tried, and found it broken still
    assert (breaker().state, breaker().pause) == ("open", 60.0)


def test_while_one_tries_the_others_wait(lasting: World, puppet: Puppet) -> None:
    Breaker.objects.create(state="trying")
    first, second = place(lasting), place(lasting)
    assert line.move_up() == [first.pk]
    motor.drive(second.pk)
    assert (now(second).state, now(second).turn_at, puppet.submits) == (State.QUEUED, None, 0)
    motor.drive(first.pk)
    assert breaker().state == "closed"


@pytest.mark.parametrize("answer", [BROKEN, LOCKED])
def test_a_try_that_fails_shuts_it_for_twice_as_long(lasting: World, puppet: Puppet, answer: Answer) -> None:
    Breaker.objects.create(state="trying", pause=60.0)
    puppet.script["submit"] = [answer]
    sent(lasting)
    assert (breaker().state, breaker().pause) == ("open", 120.0)
    assert 115 < pauses() <= 120


def test_a_try_that_was_never_heard_of_again_is_followed_by_another(lasting: World, puppet: Puppet) -> None:
    Breaker.objects.create(state="trying", tried_at=timezone.now() - timedelta(seconds=30))
    waits = place(lasting)
    assert line.move_up() == []
    Breaker.objects.update(tried_at=timezone.now() - timedelta(minutes=5))
    assert line.move_up() == [waits.pk]


def test_a_try_that_was_not_sent_is_followed_by_another_at_once(lasting: World, puppet: Puppet) -> None:
    Breaker.objects.create(state="trying")
    puppet.script["initiate"] = [BROKEN]
    picture, text = place(lasting, "fal-ai/veo3.1/lite/image-to-video"), place(lasting)
    assert line.move_up() == [picture.pk]
    motor.drive(picture.pk)
    assert (now(picture).state, puppet.submits) == (State.QUEUED, 0)
    assert line.move_up() == [text.pk]


def test_a_clip_that_alone_is_refused_does_not_stop_the_others_for_good(
    lasting: World, puppet: Puppet
) -> None:
    puppet.script["submit"] = [LOCKED, puppet.accepted("r-1")]
    poisoned, other = place(lasting), place(lasting)
    assert line.move_up() == [poisoned.pk, other.pk]
    motor.drive(poisoned.pk)
    assert breaker().is_open
    motor.drive(other.pk)  # its turn is void now
    Breaker.objects.update(state="trying")
    Generation.objects.update(wake_at=timezone.now() - timedelta(seconds=1))
    assert line.move_up() == [other.pk]
    motor.drive(other.pk)
    assert (breaker().state, now(other).state) == ("closed", State.SUBMITTED)


@pytest.mark.redis
def test_the_pause_is_ended_by_one_who_is_awake(studio: Studio, puppet: Puppet) -> None:
    asleep, awake = place(studio.world), place(studio.world)
    later = timezone.now() + timedelta(minutes=5)
    Generation.objects.filter(pk=asleep.pk).update(wake_at=later)
    open_for(-1)
    studio.empty_queues()
    studio.work()
    assert puppet.submits == 1
    assert breaker().state == "closed"
    assert now(awake).state == State.SUBMITTED


def test_fal_itself_refusing_an_input_is_a_good_sign(lasting: World, puppet: Puppet) -> None:
    Breaker.objects.create(state="trying")
    puppet.script["submit"] = [(422, {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "x"}]})]
    assert sent(lasting).state == State.FAILED
    assert breaker().state == "closed"


def test_answered_questions_are_no_proof_that_requests_are_taken(lasting: World, puppet: Puppet) -> None:
    puppet.script["submit"] = [BROKEN]
    for _ in range(5):
        sent(lasting)
        door.answered()
    assert breaker().is_open


def aged(**columns: float) -> None:
    """As if so many more seconds had passed since."""
    Breaker.objects.update(
        **{each: F(each) - timedelta(seconds=seconds) for each, seconds in columns.items()}
    )


def test_too_many_requests_cost_places_and_time_gives_them_back(
    lasting: World, puppet: Puppet, settings: Any
) -> None:
    settings.FAL_MAX_IN_FLIGHT = 6
    puppet.script["submit"] = [puppet.accepted("a"), puppet.accepted("b"), puppet.accepted("c")]
    for _ in range(3):
        assert sent(lasting).state == State.SUBMITTED
    puppet.script["submit"] = [(429, {"detail": "busy"}, {"Retry-After": "7"})]
    refused = sent(lasting)
    assert (refused.state, refused.turn_at) == (State.QUEUED, None)
    Generation.objects.filter(pk=refused.pk).update(wake_at=timezone.now())
    assert not breaker().is_open
    assert breaker().places_of(6) == 2  # three were out
    assert line.move_up() == []  # and not a word for seven seconds
    aged(quiet_until=8)
    assert line.move_up() == []  # three are out and two may be
    aged(narrowed_at=10)
    assert breaker().places_of(6) == 3
    assert line.move_up() == []
    aged(narrowed_at=10)
    assert line.move_up() == [refused.pk]
    aged(narrowed_at=100)
    assert breaker().places_of(6) == 6


def test_a_long_clip_in_the_only_place_does_not_hold_up_the_line(lasting: World, puppet: Puppet) -> None:
    puppet.script["submit"] = [puppet.accepted("endless")]
    assert sent(lasting).state == State.SUBMITTED
    puppet.script["submit"] = [(429, {"detail": "busy"})]
    refused = sent(lasting)
    assert breaker().places_of(40) == 1
    Generation.objects.filter(pk=refused.pk).update(wake_at=timezone.now())
    assert line.move_up() == []
    aged(narrowed_at=10)
    assert line.move_up() == [refused.pk]


def test_refusals_of_one_burst_count_once(lasting: World) -> None:
    Breaker.throttle(20, 0)
    for out in (19, 18, 17):
        Breaker.throttle(out, 0)
    assert breaker().places_of(40) == 15
    aged(narrowed_at=10)
    Breaker.throttle(16, 0)
    assert breaker().places_of(40) == 12


def test_it_is_looked_at_without_a_word_in_the_database(lasting: World, puppet: Puppet) -> None:
    sent(lasting)
    assert Breaker.current().state == "closed"
    assert not Breaker.objects.exists()


def test_an_outage_fails_nothing_and_costs_one_question_a_pause(lasting: World, puppet: Puppet) -> None:
    """Hours with fal gone: what waits goes on waiting."""
    puppet.script.update({kind: [BROKEN] for kind in ("submit", "status", "result")})
    waits = [place(lasting).pk for _ in range(8)]
    for key in waits:
        motor.drive(key)
    assert breaker().is_open
    puppet.calls.clear()
    for pause in range(10):
        Breaker.objects.update(until=timezone.now() - timedelta(seconds=1))
        for key in waits:
            age(Generation(pk=key))
            motor.drive(key)
        assert puppet.calls.count("status") == pause + 1
    assert puppet.submits == 0
    states = Counter(Generation.objects.values_list("state", flat=True))
    assert states == {State.QUEUED: 3, State.AMBIGUOUS: 5}


def test_the_word_for_a_probe_is_given_once(lasting: World) -> None:
    open_for(-1)
    first, second = Breaker.current(), Breaker.current()
    assert first.claim_probe()
    assert not second.claim_probe()
    assert uuid.UUID(int=0) not in line.move_up()
