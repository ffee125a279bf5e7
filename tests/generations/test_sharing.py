"""Choosing who sees a clip, and what strangers see of one that is shared by link."""

import uuid
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Role
from accounts.policy import Actor
from generations import orders, sharing
from generations.models import Generation, State, Visibility
from tests.clips import finished
from tests.world import World, order

PRIVATE, WORKSPACE, LINK = Visibility.PRIVATE, Visibility.WORKSPACE, Visibility.LINK
PROMPT = "A lighthouse at dusk"


def linked(world: World) -> tuple[Generation, str]:
    """A shared clip, and the path of its address."""
    generation = finished(world)
    assert sharing.set_visibility(world.alice, generation, LINK)
    return generation, path_of(generation)


def path_of(generation: Generation) -> str:
    return sharing.address_of(generation).removeprefix(settings.PUBLIC_URL)


# ── Who may choose ──────────────────────────────────────────────────────────────────────────────


def test_the_author_chooses_and_the_trail_tells(world: World, client_of: Any) -> None:
    generation, alice = finished(world), client_of("alice")
    address = reverse("generations:visibility", args=[generation.pk])
    for chosen in ("private", "link", "workspace"):
        assert alice.post(address, {"visibility": chosen}).status_code == 302
        generation.refresh_from_db()
        assert generation.visibility == chosen
        assert (generation.link_key is not None) == (chosen == "link")
    events = AuditEvent.objects.filter(verb="generation.visibility").order_by("pk")
    told = [(each.before, each.after) for each in events]
    steps = [("workspace", "private"), ("private", "link"), ("link", "workspace")]
    assert told == [({"visibility": before}, {"visibility": after}) for before, after in steps]
    assert {(each.actor, each.acting_as) for each in events} == {(world.alice.user, "owner")}


@pytest.mark.parametrize("odd", ["", "everybody"])
def test_an_odd_choice_is_told_at_its_field(world: World, client_of: Any, odd: str) -> None:
    generation = finished(world)
    answer = client_of("alice").post(
        reverse("generations:visibility", args=[generation.pk]), {"visibility": odd}
    )
    assert answer.status_code == 422
    assert "Choose who shall see this clip." in answer.content.decode()


def test_a_colleague_may_not_choose_and_a_lead_may_only_end_a_link(
    world: World, owen: Actor, client_of: Any
) -> None:
    generation, shared = linked(world)
    address = reverse("generations:visibility", args=[generation.pk])
    for who in ("bob", "vera"):
        assert client_of(who).post(address, {"visibility": "workspace"}).status_code == 403
    for wish in ("private", "link"):
        assert client_of("owen").post(address, {"visibility": wish}).status_code == 422
    assert Client().get(shared).status_code == 200
    assert client_of("owen").post(address, {"visibility": "workspace"}).status_code == 302
    assert Client().get(shared).status_code == 404
    assert client_of("owen").post(address, {"visibility": "workspace"}).status_code == 403
    assert AuditEvent.objects.filter(verb="generation.visibility", actor=owen.user).count() == 1


def test_an_author_who_may_not_share_any_more_can_end_the_link(world: World, client_of: Any) -> None:
    generation, shared = linked(world)
    Membership.objects.filter(user=world.alice.user, workspace=world.alice.workspace).update(role=Role.VIEWER)
    page, address = (
        reverse(f"generations:{name}", args=[generation.pk]) for name in ("detail", "visibility")
    )
    shown = client_of("alice").get(page).content.decode()
    assert "stop-sharing" in shown
    assert "new-link" not in shown
    for wish in ("private", "link"):
        assert client_of("alice").post(address, {"visibility": wish}).status_code == 422
    assert client_of("alice").post(address, {"visibility": "workspace"}).status_code == 302
    assert Client().get(shared).status_code == 404
    assert client_of("alice").post(address, {"visibility": "workspace"}).status_code == 403
    assert "stop-sharing" not in client_of("alice").get(page).content.decode()


def test_of_two_who_choose_at_once_the_first_wins(world: World) -> None:
    generation = finished(world)
    late = Generation.objects.get(pk=generation.pk)
    assert sharing.set_visibility(world.alice, generation, LINK)
    key = generation.link_key
    assert not sharing.set_visibility(world.alice, late, PRIVATE)
    again, stale = (Generation.objects.get(pk=generation.pk) for _ in "ab")
    assert sharing.set_visibility(world.alice, again, LINK, anew=True)
    assert again.link_key != key
    assert not sharing.set_visibility(world.alice, stale, LINK, anew=True)
    assert Generation.objects.get(pk=generation.pk).link_key == again.link_key


def test_saving_what_is_shared_already_ends_no_link_and_a_new_one_does(world: World, client_of: Any) -> None:
    generation, shared = linked(world)
    address = reverse("generations:visibility", args=[generation.pk])
    client_of("alice").post(address, {"visibility": "link"})
    assert Client().get(shared).status_code == 200
    client_of("alice").post(address, {"visibility": "link", "anew": "1"})
    assert Client().get(shared).status_code == 404
    generation.refresh_from_db()
    assert Client().get(path_of(generation)).status_code == 200


def test_nothing_is_shared_before_there_is_a_clip(world: World) -> None:
    waiting = orders.place(world.alice, order(world.alice))[0]
    assert sharing.choices(world.alice, waiting) == [PRIVATE, WORKSPACE]
    with pytest.raises(sharing.NotAllowed):
        sharing.set_visibility(world.alice, waiting, LINK)


def test_what_awaits_approval_stays_in_sight_of_who_decides(world: World) -> None:
    waiting = orders.place(world.alice, order(world.alice))[0]
    waiting.state = State.AWAITING
    assert PRIVATE not in sharing.choices(world.alice, waiting)


# ── By link ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", [None, "alice", "bob", "eve"])
def test_whoever_has_the_link_sees_the_clip_and_nothing_of_the_workspace(
    world: World, client_of: Any, who: str | None
) -> None:
    generation, shared = linked(world)
    visitor = client_of(who) if who else Client()
    page = visitor.get(shared)
    shown = page.content.decode()
    assert page.status_code == 200
    for secret in (PROMPT, "Alice", "alice@", "Northlight", str(generation.pk), "cr</", "/w/"):
        assert secret not in shown, secret
    assert page["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page["X-Robots-Tag"]
    assert 'content="noindex' in shown
    assert visitor.get(f"{shared}clip.mp4").getvalue() == b"0123456789"
    assert visitor.get(f"{shared}poster.webp").getvalue() == b"0123456789"


def test_shared_media_has_ranges_and_the_guards_of_all_media(world: World) -> None:
    _, shared = linked(world)
    part = Client().get(f"{shared}clip.mp4", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.getvalue()) == (206, b"234")
    assert "sandbox" in part["Content-Security-Policy"]
    assert part["X-Content-Type-Options"] == "nosniff"
    assert part["Referrer-Policy"] == "no-referrer"
    assert "no-cache" in part["Cache-Control"]
    saved = Client().get(f"{shared}clip.mp4?download")
    assert "attachment" in saved["Content-Disposition"]
    assert saved.getvalue() == b"0123456789"


def every_address(shared: str) -> list[str]:
    return [shared, f"{shared}clip.mp4", f"{shared}poster.webp"]


def test_unsharing_and_a_new_link_end_the_old_one_on_the_next_request(world: World) -> None:
    generation, first = linked(world)
    assert sharing.set_visibility(world.alice, generation, LINK, anew=True)
    second = path_of(generation)
    assert [Client().get(each).status_code for each in every_address(first)] == [404] * 3
    assert Client().get(second).status_code == 200
    assert sharing.set_visibility(world.alice, generation, WORKSPACE)
    assert [Client().get(each).status_code for each in every_address(second)] == [404] * 3
    assert sharing.address_of(generation) == ""
    assert sharing.set_visibility(world.alice, generation, LINK)
    assert [Client().get(each).status_code for each in every_address(second)] == [404] * 3


def test_a_clip_in_the_bin_or_of_a_closed_workspace_is_not_shared(world: World) -> None:
    generation, shared = linked(world)
    Generation.objects.filter(pk=generation.pk).update(deleted_at=timezone.now())
    assert [Client().get(each).status_code for each in every_address(shared)] == [404] * 3
    Generation.objects.filter(pk=generation.pk).update(deleted_at=None)
    assert Client().get(shared).status_code == 200
    type(generation.workspace).objects.filter(pk=generation.workspace_id).update(closed_at=timezone.now())
    assert [Client().get(each).status_code for each in every_address(shared)] == [404] * 3


def test_a_forged_word_is_a_404(world: World) -> None:
    generation, shared = linked(world)
    word = shared.split("/")[2]
    other = finished(world)
    assert generation.link_key
    guessed = [
        word[:-1],
        word + "A",
        word.replace(".", ":"),
        word.split(".")[0],
        f"{sharing._text(other.pk.bytes + generation.link_key.bytes)}.{word.split('.')[1]}",
        sharing._signer().sign("short"),
        sharing._signer().sign(sharing._text(generation.pk.bytes + uuid.uuid4().bytes)),
        sharing._signer().sign("é" * 40),
        str(generation.pk),
        str(generation.link_key),
        "%00",
    ]
    for each in guessed:
        assert Client().get(f"/s/{each}/").status_code == 404, each
        assert Client().get(f"/s/{each}/clip.mp4").status_code == 404, each


def test_the_address_names_no_workspace_wherever_it_is_copied(world: World, client_of: Any) -> None:
    generation, shared = linked(world)
    mount = f"/w/{generation.workspace_id}"
    page = client_of("alice").get(f"{mount}/generations/{generation.pk}/")
    assert page.context["shared_address"] == settings.PUBLIC_URL + shared
    assert "/w/" not in page.context["shared_address"]


def test_only_the_author_is_shown_the_address(world: World, owen: Actor, client_of: Any) -> None:
    generation, shared = linked(world)
    for who, sees in {"alice": True, "bob": False, "owen": False}.items():
        page = client_of(who).get(reverse("generations:detail", args=[generation.pk])).content.decode()
        assert (shared in page) == sees, who


def test_strangers_change_nothing_by_a_link(world: World) -> None:
    _, shared = linked(world)
    for method in ("post", "put", "patch", "delete"):
        for each in every_address(shared):
            assert getattr(Client(), method)(each).status_code == 405
