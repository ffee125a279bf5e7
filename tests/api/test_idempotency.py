"""`Idempotency-Key`: a repeat is answered alike and makes nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import ApiAnswer, ApiToken, Hold, Wallet
from accounts.tokens import forget_old_answers
from generations.models import EndpointSwitch, Generation, State
from tests.api.programs import WISH, Program, is_problem
from tests.world import LITE, World

REPLAYED = "Idempotent-Replayed"


def test_the_same_key_and_body_get_the_same_answer(world: World):
    program = Program.of(world.alice)
    first = program.create("key-1")
    Generation.objects.get().finish(State.CANCELLED, cause="test")
    again = program.create("key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Location"] == first["Location"]
    assert (first.get(REPLAYED), again[REPLAYED]) == (None, "true")
    assert Generation.objects.count() == 1


def test_the_order_of_names_in_a_body_is_no_difference(world: World):
    program = Program.of(world.alice)
    first = program.post("/generations", json.dumps(WISH), **{"Idempotency-Key": "k"})
    turned = json.dumps({name: WISH[name] for name in reversed(WISH)}, indent=2)
    assert program.post("/generations", turned, **{"Idempotency-Key": "k"}).content == first.content


def test_another_body_under_the_key_is_409(world: World):
    program = Program.of(world.alice)
    first = program.create("k")
    assert is_problem(program.create("k", prompt="Another"), 409, "key-reused")
    assert is_problem(
        program.post("/generations", {"endpoint": LITE, "input": {}}, **{"Idempotency-Key": "k"}), 409
    )
    assert program.create("k").content == first.content
    assert Generation.objects.count() == 1


def test_without_a_key_each_request_is_new(world: World):
    program = Program.of(world.alice)
    assert program.create().json()["id"] != program.create().json()["id"]
    assert not ApiAnswer.objects.exists()


def test_a_key_belongs_to_its_token(world: World):
    answers = [Program.of(who).create("k").json() for who in (world.alice, world.alice, world.bob, world.eve)]
    assert len({each["id"] for each in answers}) == 4


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "k\xe9", "tab\there"])
def test_an_unfit_key_is_invalid(world: World, key: str):
    response = Program.of(world.alice).post("/generations", WISH, **{"Idempotency-Key": key})
    assert is_problem(response, 422, "invalid")
    assert list(response.json()["errors"]) == ["Idempotency-Key"]
    assert not Generation.objects.exists()


def test_the_longest_key_fits(world: World):
    program = Program.of(world.alice)
    assert program.create("~" * 255).content == program.create("~" * 255).content


def test_invalid_input_does_not_use_a_key_up(world: World):
    program = Program.of(world.alice)
    assert is_problem(program.create("k", duration="5s"), 422)
    assert program.create("k").status_code == 201


def test_a_refusal_is_kept_and_what_time_heals_is_not(db: None, settings: Any):
    world = World.make(funds=1)
    program = Program.of(world.alice)
    first = program.create("poor")
    assert is_problem(first, 402, "not-enough-credits")
    world.alice.workspace.wallet.grant(1000, cause="later")
    again = program.create("poor")
    assert (again.status_code, again.json()) == (402, first.json())
    settings.MEMBER_MAX_QUEUED = 0
    assert is_problem(program.create("k"), 429, "too-many-waiting")
    assert program.create("k")["Retry-After"]
    settings.MEMBER_MAX_QUEUED = 5
    assert program.create("k").status_code == 201


def test_a_process_that_died_before_it_answered_is_made_good_by_a_repeat(world: World):
    program = Program.of(world.alice)
    first = program.create("k").json()
    # As if it had died after the order and before the answer.
    ApiAnswer.objects.update(status=0, body="")
    again = program.create("k")
    assert (again.status_code, again.json()["id"]) == (201, first["id"])
    assert Generation.objects.count() == 1


def test_a_replay_needs_no_room_no_sale_and_no_credits(world: World):
    program = Program.of(world.alice)
    first = program.create("k")
    EndpointSwitch.objects.create(endpoint=LITE, on_sale=False)
    assert program.create("k").content == first.content


def test_answers_are_forgotten_after_a_week_and_the_clip_is_not(world: World):
    program = Program.of(world.alice)
    first = program.create("k").json()
    assert forget_old_answers() == 0
    ApiAnswer.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert forget_old_answers() == 1
    assert program.create("k").json()["id"] == first["id"]
    assert Generation.objects.count() == 1


def at_once(count: int, act: Any) -> list[Any]:
    """The same act by so many threads at the same moment."""
    start = Barrier(count)

    def run(number: int) -> Any:
        start.wait(10)
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_parallel_posts_with_one_key_make_one_clip_and_get_equal_answers():
    world = World.make(funds=1000)
    program = Program.of(world.alice)
    for turn in range(3):
        answers = at_once(8, lambda _, turn=turn: program.create(f"k{turn}"))
        assert {each.status_code for each in answers} == {201}, [each.content for each in answers]
        assert len({each.content for each in answers}) == 1
        assert sum(REPLAYED not in each for each in answers) == 1
    assert Generation.objects.count() == 3
    assert Hold.objects.count() == 3


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_parallel_posts_with_one_key_and_two_bodies_make_one_clip():
    world = World.make(funds=1000)
    program = Program.of(world.alice)
    answers = at_once(8, lambda number: program.create("k", prompt=f"Take {number % 2}"))
    made = [each for each in answers if each.status_code == 201]
    assert made
    assert all(is_problem(each, 409, "key-reused") for each in answers if each not in made)
    assert len({each.content for each in made}) == 1
    assert Generation.objects.count() == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_last_credits_are_spent_once_by_one_token():
    world = World.make(funds=0)
    program = Program.of(world.alice)
    cost = program.post("/quotes", WISH).json()["cost"]
    Wallet.objects.get(workspace=world.alice.workspace).grant(cost, cause="just enough")
    answers = at_once(8, lambda _: program.create("k"))
    assert {each.status_code for each in answers} == {201}
    assert Generation.objects.count() == 1
    assert ApiToken.objects.count() == 1
