"""What other programs are told of a clip: once, signed, with its end, and never of what did not happen."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import webhooks
from accounts.models import WebhookEndpoint, WebhookMessage
from accounts.webhooks.types import TYPES
from generations import doorbell, orders, telling
from generations.fal.failures import Reason
from generations.models import Generation, State
from generations.models.state import FIRST, TERMINAL, Visibility
from generations.reconcile import sweep
from tests.accounts.receiver import Receiver, receiving
from tests.clips import finished, storing
from tests.world import Studio, World, order

KEYS = {
    *("id", "endpoint", "state", "cost", "held", "charged", "video_url", "error"),
    *("created_at", "finished_at"),
}


@pytest.fixture
def endpoint(world: World) -> WebhookEndpoint:
    return webhooks.add(world.alice, "https://program.example/", [])


@pytest.fixture
def program(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOKS_INSIDE = True
    with receiving() as made:
        yield made


def placed(world: World) -> Generation:
    return orders.place(world.alice, order(world.alice))[0]


def said() -> list[dict[str, Any]]:
    return list(WebhookMessage.objects.order_by("created_at").values_list("body", flat=True))


def test_every_end_and_every_wait_for_people_has_a_type_that_the_pages_know() -> None:
    assert set(telling.TYPES) == TERMINAL | (FIRST - {State.QUEUED})
    assert set(telling.TYPES.values()) == set(TYPES)


@pytest.mark.both_databases
def test_a_finished_clip_is_told_with_what_it_cost(
    world: World, endpoint: WebhookEndpoint, settings: Any
) -> None:
    done = finished(world)
    (body,) = said()
    assert body["type"] == "generation.succeeded"
    assert set(body["data"]) == KEYS
    assert body["data"] == {
        "id": str(done.pk),
        "endpoint": done.endpoint,
        "state": "succeeded",
        "cost": 40,
        "held": 0,
        "charged": 40,
        "video_url": f"{settings.PUBLIC_URL}/api/v1/generations/{done.pk}/video",
        "error": None,
        "created_at": f"{done.created_at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "finished_at": body["data"]["finished_at"],
    }


@pytest.mark.both_databases
@pytest.mark.parametrize("visibility", [Visibility.WORKSPACE, Visibility.PRIVATE])
@pytest.mark.parametrize("end", [State.FAILED, State.CANCELLED])
def test_every_other_end_is_told_without_a_word_of_the_prompt(
    world: World, endpoint: WebhookEndpoint, end: State, visibility: str
) -> None:
    made = placed(world)
    Generation.objects.filter(pk=made.pk).update(visibility=visibility)
    words = {"reason": Reason.BAD_INPUT, "reason_field": "prompt", "reason_detail": f"bad: {made.prompt}"}
    assert made.finish(end, cause="test", **words)
    (body,) = said()
    assert body["type"] == f"generation.{end}"
    data = body["data"]
    assert (data["state"], data["held"], data["charged"], data["video_url"]) == (end, 0, 0, None)
    assert data["error"] | {"message": ""} == {
        "reason": "bad_input",
        "message": "",
        "field": "prompt",
        "detail": None,
    }
    assert data["error"]["message"]
    assert made.prompt not in str(body)


@pytest.mark.both_databases
def test_who_loses_the_race_to_end_it_tells_nothing(world: World, endpoint: WebhookEndpoint) -> None:
    made = placed(world)
    other = Generation.objects.get(pk=made.pk)
    assert made.finish(State.CANCELLED, cause="test")
    assert not other.finish(State.FAILED, cause="test")
    assert [body["type"] for body in said()] == ["generation.cancelled"]


@pytest.mark.both_databases
def test_an_end_that_is_rolled_back_is_not_told(world: World, endpoint: WebhookEndpoint) -> None:
    made = placed(world)
    with transaction.atomic():
        assert made.finish(State.CANCELLED, cause="test")
        transaction.set_rollback(True)
    assert said() == []


def test_on_the_way_nothing_is_asked_and_at_the_end_one_query(world: World) -> None:
    with CaptureQueriesContext(connection) as captured:
        made = storing(placed(world))
    assert not [each for each in captured if "webhook" in str(each["sql"])]
    with CaptureQueriesContext(connection) as captured:
        assert made.finish(State.FAILED, cause="test")
    asked = [str(each["sql"]) for each in captured if "webhook" in str(each["sql"])]
    assert len(asked) == 1
    assert asked[0].startswith("SELECT")


def test_a_strangers_program_hears_nothing(world: World) -> None:
    webhooks.add(world.eve, "https://stranger.example/", [])
    finished(world)
    assert said() == []


@pytest.mark.redis
def test_a_whole_clip_ends_in_one_signed_message(studio: Studio, program: Receiver) -> None:
    alice = studio.world.alice
    made = webhooks.add(alice, program.url, ["generation.succeeded"])
    webhooks.add(studio.world.eve, program.url, [])
    generation = studio.place()
    studio.settle(generation)
    wait_for(studio, program, 1)
    body = program.verified(made.secret)
    assert body["data"]["id"] == str(generation.pk)
    assert (body["data"]["state"], body["data"]["charged"]) == ("succeeded", generation.cost)
    sweep()
    studio.work()
    assert len(program.arrived) == 1


@pytest.mark.redis
def test_a_forgetful_redis_costs_a_message_nothing_but_time(studio: Studio, program: Receiver) -> None:
    program.statuses = [500]
    made = webhooks.add(studio.world.alice, program.url, [])
    assert studio.place().finish(State.CANCELLED, cause="test")
    assert sweep() >= 1
    studio.empty_queues()
    wait_for(studio, program, 2)  # again after the refusal as well
    assert program.verified(made.secret, 0) == program.verified(made.secret, 1)


def wait_for(studio: Studio, program: Receiver, count: int) -> None:
    ends = time.monotonic() + 20
    while len(program.arrived) < count and time.monotonic() < ends:
        studio.work()
        time.sleep(0.05)
    assert len(program.arrived) == count


@pytest.mark.redis
def test_a_sweep_rings_once_for_a_message_until_its_bell_is_lost(
    world: World, endpoint: WebhookEndpoint, django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    finished(world)
    settings.TIME_SCALE = 0.01
    message = WebhookMessage.objects.get()
    with django_capture_on_commit_callbacks() as callbacks:
        sweep()
        sweep()
    assert rung(callbacks) == [message.pk]
    WebhookMessage.objects.update(poked_at=message.created_at - timedelta(hours=1))
    with django_capture_on_commit_callbacks() as callbacks:
        sweep()
    assert rung(callbacks) == [message.pk]


def rung(callbacks: list[Any]) -> list[Any]:
    """The messages that a worker is rung for."""
    return [each.args[0] for each in callbacks if getattr(each, "args", (0, 0))[1:2] == (doorbell.MAIL,)]
