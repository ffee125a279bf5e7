"""Gallery, queue, live answers, detail and statement: right, and no more queries for more rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.budgets import set_budget
from accounts.models import Budget, Hold
from accounts.policy import Actor
from generations import approvals, orders
from generations.models import Collection, Generation, State
from generations.views import gallery
from generations.waits import explain
from tests.clips import finished
from tests.world import World, order


def place_many(who: Actor, count: int, **values: Any) -> list[Generation]:
    made = [orders.place(who, order(who, **values))[0] for _ in range(count)]
    for number, each in enumerate(made):
        at = each.created_at - timedelta(minutes=number // 2)  # pairs share a time: the id decides
        Generation.objects.filter(pk=each.pk).update(created_at=at)
    return made


def queries(client: Any, address: str, **query: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address, query).status_code == 200
    return len(captured)


@pytest.mark.parametrize(("name", "most"), [("gallery", 13), ("queue", 15), ("credits", 10), ("bin", 8)])
def test_a_list_costs_the_same_queries_for_ten_and_twenty_rows(
    world: World, client_of: Any, name: str, most: int
) -> None:
    alice, address = client_of("alice"), reverse(f"generations:{name}")
    counts = []
    for _ in range(2):
        for each in place_many(world.alice, 5) + [finished(world) for _ in range(5)]:
            if name == "bin":
                Generation.objects.filter(pk=each.pk).update(deleted_at=each.created_at)
        counts.append(queries(alice, address))
    assert counts[0] == counts[1]
    assert counts[1] <= most


def test_the_queue_begins_with_what_is_made_and_goes_on_as_the_line_does(
    world: World, client_of: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(gallery, "MOST_WATCHED", 4)
    first, second, _ = (orders.place(world.alice, order(world.alice))[0] for _ in range(3))
    bobs = orders.place(world.bob, order(world.bob))[0]
    made = orders.place(world.alice, order(world.alice))[0]
    Generation.objects.filter(pk=made.pk).update(turn_at=made.created_at)
    context = client_of("alice").get(reverse("generations:queue")).context
    assert [each.pk for each in context["open"]] == [made.pk, first.pk, bobs.pk, second.pk]
    assert [each.standing and each.standing.place for each in context["open"]] == [None, 1, 2, 3]
    assert context["more"] == 1


@pytest.mark.both_databases
def test_the_gallery_pages_through_everything_once(world: World, client_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(gallery, "PAGE", 4)
    placed = {each.pk for each in place_many(world.alice, 11)}
    seen, after, alice = [], "", client_of("alice")
    while True:
        response = alice.get(reverse("generations:gallery"), {"after": after})
        seen += [each.pk for each in response.context["cards"]]
        after = response.context["next"]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 11
    assert set(seen) == placed


def test_a_cursor_that_was_tampered_with_is_the_first_page(world: World, client_of: Any) -> None:
    place_many(world.alice, 2)
    response = client_of("alice").get(reverse("generations:gallery"), {"after": "x:y:z"})
    assert len(response.context["cards"]) == 2


def test_mine_first_and_the_workspaces_one_click_away(world: World, client_of: Any) -> None:
    mine, theirs = place_many(world.alice, 1)[0], place_many(world.bob, 1)[0]
    alice, address = client_of("alice"), reverse("generations:gallery")
    assert [each.pk for each in alice.get(address).context["cards"]] == [mine.pk]
    team = alice.get(address, {"whose": "team"}).context["cards"]
    assert {each.pk for each in team} == {mine.pk, theirs.pk}


def test_the_gallery_filters_by_words_mode_and_state(world: World, client_of: Any) -> None:
    owl = orders.place(world.alice, order(world.alice, prompt="A snowy OWL"))[0]
    done = finished(world)
    alice, address = client_of("alice"), reverse("generations:gallery")
    for query, expected in [
        ({"q": "owl"}, [owl.pk]),
        ({"state": "ready"}, [done.pk]),
        ({"state": "open"}, [owl.pk]),
        ({"state": "ended"}, []),
        ({"mode": "extend"}, []),
        ({"mode": "nonsense"}, None),
    ]:
        cards = alice.get(address, query).context["cards"]
        assert expected is None or [each.pk for each in cards] == expected, query


def test_the_gallery_says_by_what_it_is_filtered(world: World, client_of: Any) -> None:
    alice, address = client_of("alice"), reverse("generations:gallery")
    harbours = Collection.objects.create(
        workspace=world.alice.workspace, name="Harbours", author=world.alice.user
    )
    for query, said in [
        ({"q": "harbour", "state": "ended", "mode": "text"}, "“harbour”, Failed or cancelled, Text to video"),
        ({"state": "xx", "mode": "text"}, "Text to video"),
        ({"collection": str(harbours.pk)}, "the collection “Harbours”"),
        ({"collection": "none"}, "a collection that is not there"),
    ]:
        assert f"Filtered by {said}." in alice.get(address, query).content.decode()
    for nothing in ({"state": "xx", "mode": "yy"}, {"q": " "}, {"q": "a\0"}, {}):
        page = alice.get(address, nothing).content.decode()
        assert "Filtered" not in page
        assert "You have no clips yet." in page


def test_live_answers_204_until_a_card_changes(world: World, client_of: Any) -> None:
    generation = place_many(world.alice, 1)[0]
    explain([generation])
    alice, address = client_of("alice"), reverse("generations:live")
    known = {"c": f"{generation.pk}:{generation.revision}"}
    assert alice.get(address, known).status_code == 204
    generation.refresh_from_db()
    assert generation.finish(State.CANCELLED, cause="test")
    response = alice.get(address, known)
    assert response.status_code == 200
    assert [each.pk for each in response.context["changed"]] == [generation.pk]
    assert response.context["open"] == []


def test_the_queue_is_drawn_anew_when_a_shot_waits_for_approval_no_more(world: World, client_of: Any) -> None:
    set_budget(world.alice, Budget(most=0, beyond="ask"))
    waiting = orders.place(world.bob, order(world.bob))[0]
    explain([waiting])
    known = {"c": f"{waiting.pk}:{waiting.revision}"}
    approvals.approve(world.alice, waiting)

    def answer(page: str) -> Any:
        url = f"http://testserver{reverse(page)}"
        return client_of("bob").get(
            reverse("generations:live"), known, headers={"HX-Request": "true", "HX-Current-URL": url}
        )

    assert answer("generations:queue")["HX-Refresh"] == "true"
    assert [each.pk for each in answer("generations:gallery").context["changed"]] == [waiting.pk]


def test_an_odd_header_about_the_page_is_none(world: World, client_of: Any) -> None:
    odd = {"HX-Request": "true", "HX-Current-URL": "http://["}
    assert (
        client_of("alice").get(reverse("generations:gallery"), {"after": "x"}, headers=odd).status_code == 200
    )


def test_who_may_only_look_sees_the_teams_clips_first(world: World, client_of: Any) -> None:
    clip = finished(world)
    address = reverse("generations:gallery")
    assert [each.pk for each in client_of("vera").get(address).context["cards"]] == [clip.pk]
    assert client_of("vera").get(address, {"whose": "mine"}).context["cards"] == []
    assert client_of("bob").get(address).context["cards"] == []


@pytest.mark.parametrize("odd", ["", ":", "x:y", "00000000-0000-0000-0000-000000000000:1", "%00:1"])
def test_live_ignores_what_makes_no_sense(world: World, client_of: Any, odd: str) -> None:
    assert client_of("alice").get(reverse("generations:live"), {"c": odd}).status_code == 204


def test_the_detail_page_tells_the_whole_story_in_few_queries(world: World, client_of: Any) -> None:
    done = finished(world)
    alice, address = client_of("alice"), reverse("generations:detail", args=[done.pk])
    assert queries(alice, address) <= 16
    response = alice.get(address)
    kinds = {event.kind for event in response.context["timeline"]}
    assert kinds == {"state", "money"}
    assert {event.kind for event in response.context["technical"]} == {"state", "attempt"}
    assert response.context["entry"].amount == -40


def test_the_statement_shows_every_entry_and_its_clip(world: World, client_of: Any) -> None:
    done = finished(world)
    held = place_many(world.bob, 1)[0]
    response = client_of("alice").get(reverse("generations:credits"))
    assert response.context["spent"] == response.context["spent_this_month"] == 40
    assert [entry.kind for entry in response.context["entries"]] == ["capture", "grant"]
    assert [hold.pk for hold in response.context["holds"]] == [held.hold_id]
    page = response.content.decode()
    assert reverse("generations:detail", args=[done.pk]) in page
    assert reverse("generations:detail", args=[held.pk]) in page


def test_cancel_while_queued_is_free_and_immediate(world: World, client_of: Any) -> None:
    generation = place_many(world.alice, 1)[0]
    client_of("alice").post(reverse("generations:cancel", args=[generation.pk]))
    generation.refresh_from_db()
    assert generation.state == State.CANCELLED
    assert Hold.objects.get(generation=generation).state == "released"


def test_cancel_after_sending_is_a_request(world: World, client_of: Any) -> None:
    generation = place_many(world.alice, 1)[0]
    generation.refresh_from_db()
    assert generation.claim(State.SUBMITTING, seconds=60, cause="test")
    client_of("alice").post(reverse("generations:cancel", args=[generation.pk]))
    generation.refresh_from_db()
    assert generation.state == State.SUBMITTING
    assert generation.cancel_requested_at
    assert generation.held == 40


def test_the_bin_hides_and_gives_back(world: World, client_of: Any) -> None:
    done, alice = finished(world), client_of("alice")
    alice.post(reverse("generations:delete", args=[done.pk]))
    assert alice.get(reverse("generations:detail", args=[done.pk])).status_code == 404
    assert alice.get(reverse("generations:clip", args=[done.pk])).status_code == 404
    assert [each.pk for each in alice.get(reverse("generations:bin")).context["cards"]] == [done.pk]
    alice.post(reverse("generations:restore", args=[done.pk]))
    assert alice.get(reverse("generations:detail", args=[done.pk])).status_code == 200


def test_what_is_still_being_made_cannot_be_binned(world: World, client_of: Any) -> None:
    generation, alice = place_many(world.alice, 1)[0], client_of("alice")
    alice.post(reverse("generations:delete", args=[generation.pk]))
    generation.refresh_from_db()
    assert generation.deleted_at is None
