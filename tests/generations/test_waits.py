"""Why a clip waits is said in facts; running again is a new order."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Wallet
from generations import line, orders
from generations.models import Attempt, Breaker, Generation, State
from generations.views import timeline
from generations.waits import explain, team_order, typical_seconds
from tests.clips import finished
from tests.world import LITE, World, order

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def place(who: Any, **values: Any) -> Generation:
    return orders.place(who, order(who, **values))[0]


def standing(generation: Generation) -> Any:
    fresh = Generation.objects.get(pk=generation.pk)
    explain([fresh])
    return fresh.standing


def test_members_take_turns_in_the_teams_line(world: World) -> None:
    first, second, third = (place(world.alice) for _ in range(3))
    bobs = place(world.bob)
    places = team_order(world.alice.workspace.pk)
    assert [places[each.pk] for each in (first, bobs, second, third)] == [1, 2, 3, 4]


def test_a_waiting_card_knows_its_places(world: World) -> None:
    mine, _ = place(world.alice), place(world.eve)
    assert (standing(mine).place, standing(mine).team, standing(mine).overall) == (1, 1, 2)
    assert not standing(mine).delayed
    Breaker.bad("locked", paid=True, at_once=True)
    assert standing(mine).delayed


def test_whoever_has_a_turn_stands_in_no_line(world: World) -> None:
    mine = place(world.alice)
    assert line.move_up() == [mine.pk]
    assert standing(mine) is None


def test_a_card_is_drawn_anew_when_its_place_changes(world: World) -> None:
    first, second = place(world.alice), place(world.alice)
    before = Generation.objects.get(pk=second.pk)
    explain([before])
    assert first.finish(State.CANCELLED, cause="test")
    after = Generation.objects.get(pk=second.pk)
    explain([after])
    assert before.revision != after.revision


def test_what_takes_longer_than_usual_says_so_and_counts_from_its_turn(world: World) -> None:
    clip = place(world.alice)
    turned = timezone.now() - timedelta(seconds=50)
    clip.state, clip.turn_at = State.SUBMITTED, turned  # looked at, not kept
    assert clip.waiting_since == turned
    looks = {}
    for typical in (80, 40):
        clip.typical = typical
        looks[typical] = clip.is_slow, clip.revision
    assert (looks[80][0], looks[40][0]) == (False, True)
    assert looks[80][1] != looks[40][1]


def test_a_clip_without_a_turn_is_never_slow(world: World) -> None:
    clip = place(world.alice)
    clip.typical = 0
    assert (clip.waiting_since, clip.is_slow) == (clip.created_at, False)


def test_whoever_cancels_in_the_queue_stays_there(world: World, client_of: Any) -> None:
    address = reverse("generations:cancel", args=[place(world.alice).pk])
    answer = client_of("alice").post(address, {"next": "queue"})
    assert answer.url == reverse("generations:queue")
    other = place(world.alice)
    answer = client_of("alice").post(
        reverse("generations:cancel", args=[other.pk]), {"next": "https://evil.example"}
    )
    assert answer.url == reverse("generations:detail", args=[other.pk])


def test_its_story_is_told_in_words_and_the_machinery_apart(world: World) -> None:
    done = finished(world)
    request = str(done.attempts.get().request_id)
    words = [event.text for event in timeline.told(done)]
    assert words[0] == "Ordered"
    assert "In the gallery" in words
    assert not any(request in each or "attempt" in each for each in words)
    assert any(request in event.text for event in timeline.technical(done))


def test_the_typical_time_is_a_median_of_what_others_took(world: World) -> None:
    assert typical_seconds(LITE, "720p") is None
    for seconds in (60, 80, 400):
        done = finished(world)
        assert done.finished_at
        sent_at = done.finished_at - timedelta(seconds=seconds)
        Attempt.objects.filter(generation=done).update(sent_at=sent_at)
    assert typical_seconds(LITE, "720p") == 80
    assert typical_seconds(LITE, "1080p") is None


def test_explaining_many_cards_costs_few_queries(world: World) -> None:
    cards = [place(world.alice) for _ in range(12)]
    with CaptureQueriesContext(connection) as captured:
        explain(cards)
    assert len(captured) <= 4


def press_again(client: Client, source: Generation, **changes: str) -> Any:
    data = {
        "form_key": str(uuid.uuid4()),
        "quoted": str(source.cost),
        "drawn_in": str(source.workspace_id),
    } | changes
    return client.post(reverse("generations:again", args=[source.pk]), data, follow=True)


def test_running_again_is_a_new_generation_with_a_new_hold(world: World, client_of: Any) -> None:
    source = finished(world)
    response = press_again(client_of("alice"), source)
    assert response.redirect_chain[-1][0] == reverse("generations:queue")
    again = Generation.objects.get(state=State.QUEUED)
    assert (again.remix_of_id, again.prompt, again.cost) == (source.pk, source.prompt, source.cost)
    assert again.input["seed"] != source.input["seed"]
    assert again.hold_id != source.hold_id
    source.refresh_from_db()
    assert source.state == State.SUCCEEDED


def test_the_same_press_again_twice_is_one_clip(world: World, client_of: Any) -> None:
    source, key = finished(world), str(uuid.uuid4())
    for _ in range(2):
        press_again(client_of("alice"), source, form_key=key)
    assert Generation.objects.filter(state=State.QUEUED).count() == 1


def test_another_price_than_the_button_showed_opens_the_form(world: World, client_of: Any) -> None:
    source = finished(world)
    response = press_again(client_of("alice"), source, quoted="1")
    assert "remix" in response.redirect_chain[-1][0]
    assert b"not 1 as shown before" in response.content
    assert not Generation.objects.filter(state=State.QUEUED).exists()


def test_a_viewer_may_not_run_again_and_a_stranger_finds_nothing(world: World, client_of: Any) -> None:
    source = finished(world)
    assert press_again(client_of("vera"), source).status_code == 403
    assert press_again(client_of("eve"), source).status_code == 404


def test_a_member_may_have_only_so_many_waiting(world: World, settings: Any) -> None:
    settings.MEMBER_MAX_QUEUED = 2
    place(world.alice), place(world.alice)
    held = Wallet.objects.get(workspace=world.alice.workspace).held
    with pytest.raises(orders.TooMany, match="2 clips of yours wait"):
        place(world.alice)
    place(world.bob)
    assert Wallet.objects.get(workspace=world.alice.workspace).held == held + 40


def test_a_clip_that_fal_finished_before_it_could_be_stopped_says_so(world: World, client_of: Any) -> None:
    done = finished(world)
    Generation.objects.filter(pk=done.pk).update(cancel_requested_at=timezone.now())
    page = client_of("alice").get(reverse("generations:detail", args=[done.pk])).content.decode()
    assert "before it could be stopped" in page
