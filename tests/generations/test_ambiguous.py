"""A submit whose answer was lost: what counts as evidence, and what follows from none."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from generations import motor, webhooks
from generations.catalogue import CATALOGUE, find
from generations.fal.failures import Reason
from generations.models import Attempt, Breaker, Generation, State
from tests.generations.ageing import age, ask_to_cancel, expire, now, place
from tests.generations.puppet import on_a_port
from tests.little_fal import LittleFal
from tests.world import LITE, World, order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

KLING = "fal-ai/kling-video/v2.5-turbo/standard/image-to-video"
SEEDLESS = "fal-ai/seedless"
NOTHING = (200, {"items": [], "has_more": False})


@pytest.fixture
def fal(settings: Any, tmp_path: Path) -> Iterator[LittleFal]:
    """Takes every request, and its answers to a submit get lost."""
    with on_a_port(LittleFal(tmp_path)) as made:
        settings.FAL_QUEUE_URL = settings.FAL_REST_URL = made.url
        settings.FAL_API_URL = f"{made.url}/v1"
        settings.FAL_JWKS_URL = f"{made.url}/.well-known/jwks.json"
        settings.FAL_MEDIA_HOSTS = [made.url.removeprefix("http://")]
        webhooks.keys.cache_clear()
        made.speechless = 100
        yield made
        webhooks.keys.cache_clear()


def lost(world: World, endpoint: str = "") -> Generation:
    """One that fal took, without our knowing it."""
    generation = place(world, endpoint) if endpoint else place(world)
    motor.drive(generation.pk)
    assert now(generation).state == State.AMBIGUOUS
    return generation


def look(generation: Generation, minutes: float = 0) -> Generation:
    """So much later, a worker looks."""
    step = timedelta(minutes=minutes)
    Generation.objects.filter(pk=generation.pk).update(deadline_at=F("deadline_at") - step)
    for column in ("prepared_at", "sent_at", "lost_since"):
        generation.attempts.update(**{column: F(column) - step})
    age(generation)
    motor.drive(generation.pk)
    return now(generation)


def test_the_list_finds_it(lasting: World, fal: LittleFal) -> None:
    generation = lost(lasting)
    assert look(generation).state == State.SUBMITTED
    attempt = generation.attempts.get()
    assert (attempt.state, attempt.request_id) == ("accepted", fal.taken[0].id)
    assert attempt.status_url == f"{fal.url}/fal-ai/veo3.1/requests/{fal.taken[0].id}/status"
    assert "found in fal's list" in generation.changes.values_list("cause", flat=True)
    assert look(generation).state == State.STORING
    assert fal.submits == 1


def test_the_looks_become_rarer(lasting: World, fal: LittleFal) -> None:
    fal.forgetful = True
    generation, waits = lost(lasting), []
    for _ in range(4):
        wake = now(generation).wake_at
        assert wake
        waits.append(round((wake - timezone.now()).total_seconds() / 5) * 5)
        look(generation)
    assert waits == [15, 45, 120, 420]  # at 15 s, 1 min, 3 min and 10 min


def test_a_list_that_lags_finds_it_later(lasting: World, fal: LittleFal) -> None:
    fal.forgetful = True
    generation = lost(lasting)
    for _ in range(3):
        assert look(generation, 3).state == State.AMBIGUOUS
    fal.forgetful = False
    assert look(generation, 3).state == State.SUBMITTED
    assert fal.submits == 1


def test_what_no_list_has_ends_uncharged_after_a_quarter_of_an_hour(lasting: World, fal: LittleFal) -> None:
    fal.forgetful = True
    generation = lost(lasting)
    assert look(generation, 14).state == State.AMBIGUOUS
    after = look(generation, 2)
    assert (after.state, after.reason) == (State.FAILED, Reason.UNCONFIRMED)
    assert (after.charged, after.held, fal.submits) == (0, 0, 1)


def test_a_list_that_cannot_be_read_is_no_evidence_for_an_hour(lasting: World, fal: LittleFal) -> None:
    generation = lost(lasting)
    fal.script["list"] = [(500, {})]
    for _ in range(4):
        assert look(generation, 11).state == State.AMBIGUOUS
    del fal.script["list"]
    assert look(generation, 3).state == State.SUBMITTED
    assert fal.submits == 1


def test_after_that_hour_it_ends_all_the_same(lasting: World, fal: LittleFal) -> None:
    generation = lost(lasting)
    fal.script["list"] = [(403, {})]
    assert look(generation, 50).state == State.AMBIGUOUS
    after = look(generation, 12)
    assert (after.state, after.reason, after.held) == (State.FAILED, Reason.UNCONFIRMED, 0)


def test_its_webhook_is_as_good_as_the_list(lasting: World, fal: LittleFal) -> None:
    fal.forgetful = True
    generation = lost(lasting)
    assert fal.tell(fal.taken[0]) == 200
    assert look(generation).state == State.STORING
    assert generation.attempts.get().request_id == fal.taken[0].id


def test_two_of_the_same_are_an_alarm_and_none_is_adopted(
    lasting: World, fal: LittleFal, caplog: pytest.LogCaptureFixture
) -> None:
    generation = lost(lasting)
    fal._take(f"/{generation.endpoint}?fal_webhook=x", json.dumps(fal.taken[0].input).encode())
    assert look(generation).state == State.AMBIGUOUS
    assert "duplicate_submission" in caplog.text
    after = look(generation, 20)
    assert (after.state, after.reason) == (State.FAILED, Reason.UNCONFIRMED)
    assert generation.attempts.get().request_id is None


def test_a_request_of_another_attempt_is_not_adopted_twice(lasting: World, fal: LittleFal) -> None:
    first = lost(lasting)
    assert look(first).state == State.SUBMITTED
    second = lost(lasting)
    fal.taken[1].input = fal.taken[0].input  # as if only the first were known
    seed = Generation.objects.filter(pk=second.pk)
    seed.update(input=now(first).input)
    second.attempts.update(arguments=first.attempts.get().arguments)
    fal.taken.pop()
    assert look(second).state == State.AMBIGUOUS


@pytest.fixture
def seedless(monkeypatch: pytest.MonkeyPatch) -> str:
    """One on sale that takes neither a seed nor files: the same prompt twice is the same input twice."""
    lite = find(LITE)
    fields = tuple(each for each in lite.fields if each.name != "seed")
    monkeypatch.setitem(CATALOGUE, SEEDLESS, replace(lite, id=SEEDLESS, fields=fields))
    return SEEDLESS


def test_without_a_seed_files_of_its_own_tell_a_request_from_its_twin(lasting: World, fal: LittleFal) -> None:
    """Kling takes no seed, but every attempt sends its picture to an address of its own."""
    first, second = lost(lasting, KLING), lost(lasting, KLING)
    assert {look(each).state for each in (second, first)} == {State.SUBMITTED}
    assert [now(each).attempts.get().request_id for each in (first, second)] == [one.id for one in fal.taken]


def test_without_either_twins_cannot_be_told_apart(lasting: World, fal: LittleFal, seedless: str) -> None:
    first, second = lost(lasting, seedless), lost(lasting, seedless)
    assert fal.taken[0].input == fal.taken[1].input
    fal.taken.pop()  # fal took one of the two; which?
    assert look(first).state == State.AMBIGUOUS
    assert look(second).state == State.AMBIGUOUS
    assert (look(first, 20).reason, look(second, 20).reason) == (Reason.UNCONFIRMED,) * 2


def test_without_either_and_without_a_twin_it_is_found(lasting: World, fal: LittleFal, seedless: str) -> None:
    assert look(lost(lasting, seedless)).state == State.SUBMITTED


def test_a_twin_that_fal_is_known_to_have_is_none(lasting: World, fal: LittleFal, seedless: str) -> None:
    first = lost(lasting, seedless)
    assert look(first).state == State.SUBMITTED
    second = lost(lasting, seedless)
    assert look(second).state == State.SUBMITTED
    assert {now(each).attempts.get().request_id for each in (first, second)} == {one.id for one in fal.taken}


def test_an_outage_puts_the_end_off(lasting: World, fal: LittleFal) -> None:
    """While nobody can be asked nothing can be known."""
    generation = lost(lasting)
    Breaker.objects.update_or_create(
        pk="fal", defaults={"state": "open", "until": timezone.now() + timedelta(minutes=5)}
    )
    for _ in range(5):
        assert look(generation, 20).state == State.AMBIGUOUS
    Breaker.objects.all().delete()
    assert look(generation).state == State.SUBMITTED
    assert fal.submits == 1


def test_an_outage_of_a_day_ends_it(lasting: World, fal: LittleFal) -> None:
    generation = lost(lasting)
    Breaker.objects.update_or_create(
        pk="fal", defaults={"state": "open", "until": timezone.now() + timedelta(minutes=5)}
    )
    after = look(generation, 25 * 60)
    assert (after.state, after.reason, after.charged) == (State.FAILED, Reason.UNCONFIRMED, 0)


def test_a_list_that_cannot_be_read_is_no_evidence(lasting: World, fal: LittleFal, settings: Any) -> None:
    settings.RESUBMIT_AMBIGUOUS = 10_000
    generation = lost(lasting)
    fal.script["list"] = [(500, {"detail": "x"})]
    for _ in range(4):
        look(generation, 12)
    assert generation.attempts.get().lost_looks == 0
    after = look(generation, 60)
    assert (after.state, fal.submits) == (State.FAILED, 1)


# ── Once more, where an operator allowed it ─────────────────────────────────────────────────────


def absent(generation: Generation, *minutes: float) -> Generation:
    """fal's list lacks it, at looks so far apart."""
    after = now(generation)
    for each in minutes:
        after = look(generation, each)
    return after


def test_it_is_sent_once_more_with_leave_and_evidence(lasting: World, fal: LittleFal, settings: Any) -> None:
    settings.RESUBMIT_AMBIGUOUS = 10_000
    fal.script["submit"] = [(502, b"<html>"), (502, b"<html>"), fal.accepted("second")]
    generation = lost(lasting)
    assert absent(generation, 5, 20, 36).state == State.AMBIGUOUS
    after = absent(generation, 16)
    assert (after.state, fal.submits) == (State.QUEUED, 1)
    assert [each.state for each in after.attempts.all()] == ["rejected"]
    motor.drive(generation.pk)
    assert (now(generation).state, fal.submits) == (State.AMBIGUOUS, 2)
    after = absent(generation, 5, 20, 60, 60)  # and never a third time
    assert (after.state, after.reason, fal.submits) == (State.FAILED, Reason.UNCONFIRMED, 2)


@pytest.mark.parametrize(("leave", "minutes"), [(0, (5, 20, 36, 16)), (39, (5, 20, 36, 16))])
def test_without_leave_for_its_price_it_is_not(
    lasting: World, fal: LittleFal, settings: Any, leave: int, minutes: tuple[float, ...]
) -> None:
    settings.RESUBMIT_AMBIGUOUS = leave
    fal.forgetful = True
    generation = lost(lasting)
    assert now(generation).cost == 40
    after = absent(generation, *minutes)
    assert (after.state, after.reason, fal.submits) == (State.FAILED, Reason.UNCONFIRMED, 1)


@pytest.mark.parametrize("minutes", [(90,), (72, 5)], ids=["one look", "two looks within ten minutes"])
def test_with_leave_but_little_evidence_it_is_not(
    lasting: World, fal: LittleFal, settings: Any, minutes: tuple[float, ...]
) -> None:
    settings.RESUBMIT_AMBIGUOUS = 10_000
    fal.forgetful = True
    generation = lost(lasting)
    after = absent(generation, *minutes)
    if after.is_open:
        expire(generation)
        motor.drive(generation.pk)
        after = now(generation)
    assert (after.state, after.reason, fal.submits) == (State.FAILED, Reason.UNCONFIRMED, 1)


def test_what_was_cancelled_is_not_sent_once_more(lasting: World, fal: LittleFal, settings: Any) -> None:
    settings.RESUBMIT_AMBIGUOUS = 10_000
    fal.forgetful = True
    generation = lost(lasting)
    absent(generation, 5, 20, 36)
    ask_to_cancel(generation)
    absent(generation, 16)
    motor.drive(generation.pk)
    assert (now(generation).state, fal.submits) == (State.CANCELLED, 1)


def test_a_webhook_of_the_first_after_the_second_went_out_is_an_alarm_and_no_second_clip(
    lasting: World, fal: LittleFal, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RESUBMIT_AMBIGUOUS = 10_000
    fal.forgetful = True
    generation = lost(lasting)
    assert absent(generation, 5, 20, 36, 16).state == State.QUEUED
    fal.speechless = 0
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTED
    assert fal.tell(fal.taken[0]) == 200
    assert look(generation).state == State.STORING
    live = Attempt.objects.get(generation=generation, state=Attempt.State.ACCEPTED)
    assert live.request_id == fal.taken[1].id


def test_an_order_is_the_same_input_only_by_its_seed(lasting: World) -> None:
    first, second = (order(lasting.alice) for _ in range(2))
    assert first.input == second.input
    assert place(lasting).input != place(lasting).input
