"""How often a program may ask, and what happens without Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from redis.exceptions import ConnectionError as RedisAway

from generations import doorbell
from generations.api import rates
from generations.models import Generation
from tests.api.programs import ROOT, Program, is_problem
from tests.world import World

NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    """No count of another test."""

    def forget() -> None:
        for key in doorbell.redis().scan_iter("LIMITS:*"):
            doorbell.redis().delete(key)

    forget()
    yield
    forget()


def test_every_answer_says_how_many_are_left(world: World, settings: Any):
    settings.API_RATE = 50
    program = Program.of(world.alice)
    answers = [program.get("/credits"), program.get("/generations/x"), program.create(duration="5s")]
    answers += [program.get("/endpoints/none"), program.create()]
    told = [each for each in answers if NAMES[0] in each]
    assert [int(each["RateLimit-Remaining"]) for each in told] == [49, 48, 47, 46]
    assert all(0 <= int(each["RateLimit-Reset"]) <= 60 for each in told)


@pytest.mark.redis
def test_too_many_requests_are_429_until_time_has_passed(world: World, settings: Any):
    settings.API_RATE = 3
    program, other = Program.of(world.alice), Program.of(world.alice)
    assert [program.get("/credits").status_code for _ in range(3)] == [200, 200, 200]
    refused = program.create()
    assert is_problem(refused, 429, "too-many-requests")
    assert 1 <= int(refused["Retry-After"]) <= 61
    assert refused["RateLimit-Remaining"] == "0"
    assert not Generation.objects.exists()
    assert other.get("/credits").status_code == 200


@pytest.mark.redis
def test_an_address_without_a_token_is_heard_so_often_and_others_go_on(world: World, monkeypatch: Any):
    monkeypatch.setattr(rates, "STRANGERS", 3)
    stranger = Program(None, "dl_guess")
    assert [stranger.get("/credits").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert Program.of(world.alice).get("/credits").status_code == 200
    elsewhere = Client(REMOTE_ADDR="10.9.8.7").get(f"{ROOT}/credits")
    assert elsewhere.status_code == 401


@pytest.mark.redis
def test_a_forwarded_address_counts_only_behind_a_proxy(db: None, settings: Any, monkeypatch: Any):
    monkeypatch.setattr(rates, "STRANGERS", 1)

    def ask(address: str) -> int:
        return Client().get(f"{ROOT}/credits", headers={"X-Forwarded-For": address}).status_code

    assert [ask("10.0.0.1"), ask("10.0.0.2")] == [401, 429]
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert [ask("10.0.0.3"), ask("10.0.0.4"), ask("spoofed, 10.0.0.4"), ask("")] == [401, 401, 429, 429]


def away(*_: Any, **__: Any) -> Any:
    raise RedisAway("away")


def test_without_redis_reading_is_free_and_writing_goes_on_in_small(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.API_RATE = 5
    monkeypatch.setattr(rates._shared().storage, "acquire_sliding_window_entry", away)
    monkeypatch.setattr(rates, "ALONE", 2)
    program = Program.of(world.alice)
    reads = [program.get("/credits") for _ in range(8)]
    assert {each.status_code for each in reads} == {200}
    assert all(name in reads[0] for name in NAMES)
    writes = [program.create() for _ in range(3)]
    assert [each.status_code for each in writes] == [201, 201, 429]
    assert is_problem(writes[-1], 429, "too-many-requests")
