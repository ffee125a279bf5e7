"""A private clip is private everywhere, until its author leaves."""

from dataclasses import replace
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Role
from accounts.policy import Actor
from generations import orders, sharing
from generations.media import intake
from generations.models import Generation, Upload, Visibility
from tests.accounts.test_races import at_once
from tests.clips import finished
from tests.world import World, order, upload, video

PRIVATE, WORKSPACE = Visibility.PRIVATE, Visibility.WORKSPACE
PROMPT = "A lighthouse at dusk"
CHOSEN_BY_OTHERS = ("bob", "vera", "owen", "eve")


def private(world: World) -> Generation:
    generation = finished(world)
    assert sharing.set_visibility(world.alice, generation, PRIVATE)
    return generation


def status(client: Client, address: str) -> int:
    """What is answered, with its file closed again."""
    response: Any = client.get(address)
    for close in response._resource_closers:  # close() itself would also end the test's transaction
        close()
    return int(response.status_code)


@pytest.mark.parametrize("who", CHOSEN_BY_OTHERS)
def test_a_private_clip_is_a_404_for_everybody_else_and_the_owner_too(
    world: World, owen: Actor, client_of: Any, who: str
) -> None:
    generation = private(world)
    other = client_of(who)
    for name in ("detail", "clip", "poster"):
        address = reverse(f"generations:{name}", args=[generation.pk])
        assert (status(other, address), status(client_of("alice"), address)) == (404, 200), name
    for name in ("cancel", "again", "delete", "visibility"):
        assert other.post(reverse(f"generations:{name}", args=[generation.pk])).status_code == 404, name
    Generation.objects.filter(pk=generation.pk).update(deleted_at=timezone.now())
    assert other.post(reverse("generations:restore", args=[generation.pk])).status_code == 404


@pytest.mark.parametrize("who", CHOSEN_BY_OTHERS)
def test_no_list_and_no_search_tells_of_a_colleagues_private_clip(
    world: World, owen: Actor, client_of: Any, who: str
) -> None:
    done = private(world)
    waiting = orders.place(world.alice, order(world.alice))[0]
    assert sharing.set_visibility(world.alice, waiting, PRIVATE)
    gone = private(world)
    Generation.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    other = client_of(who)
    for name in ("gallery", "queue", "credits", "bin", "create"):
        page = other.get(
            reverse(f"generations:{name}"), {"whose": "team", "mode": "extend"} if name == "create" else {}
        )
        shown = page.content.decode()
        assert PROMPT not in shown, name
        assert not any(str(each.pk) in shown for each in (done, waiting, gone)), name
    found = other.get(reverse("generations:gallery"), {"whose": "team", "q": "lighthouse"})
    assert found.context["cards"] == []
    live = other.get(reverse("generations:live"), {"c": [f"{done.pk}:x", f"{waiting.pk}:x"]})
    assert live.status_code == 204


def test_the_author_has_their_private_clips_everywhere(world: World, client_of: Any) -> None:
    done, alice = private(world), client_of("alice")
    for name in ("gallery", "queue", "credits"):
        assert str(done.pk) in alice.get(reverse(f"generations:{name}")).content.decode(), name


def test_the_statement_keeps_the_amount_and_hides_what_it_was_for(
    world: World, owen: Actor, client_of: Any
) -> None:
    private(world)
    held = orders.place(world.alice, order(world.alice))[0]
    assert sharing.set_visibility(world.alice, held, PRIVATE)
    page = client_of("owen").get(reverse("generations:credits"))
    shown = page.content.decode()
    assert page.context["spent"] == 40
    assert shown.count("A private clip") == 2
    assert PROMPT not in shown
    assert "/generations/" not in shown.split("<main")[1]
    assert PROMPT in client_of("alice").get(reverse("generations:credits")).content.decode()


def test_places_in_the_queue_count_private_clips(world: World, client_of: Any) -> None:
    first = orders.place(world.alice, order(world.alice))[0]
    orders.place(world.bob, order(world.bob))
    assert sharing.set_visibility(world.alice, first, PRIVATE)
    context = client_of("bob").get(reverse("generations:queue")).context
    assert [(each.standing.place, each.standing.team) for each in context["open"]] == [(2, 2)]
    assert context["more"] == 0


def test_what_a_clip_is_based_on_is_not_told(world: World, client_of: Any) -> None:
    source = private(world)
    Generation.objects.filter(pk=source.pk).update(prompt="A secret launch")
    child = orders.place(world.bob, replace(order(world.bob), remix_of=source.pk))[0]
    address = reverse("generations:detail", args=[child.pk])
    bobs = client_of("bob").get(address).content.decode()
    assert "a private clip" in bobs
    assert "A secret launch" not in bobs
    assert str(source.pk) not in bobs
    assert "A secret launch" in client_of("alice").get(address).content.decode()


@pytest.mark.parametrize("how", ["remix", "extend"])
def test_settings_are_not_taken_from_a_colleagues_private_clip(
    world: World, client_of: Any, how: str
) -> None:
    source = private(world)
    address = reverse("generations:create")
    assert PROMPT in client_of("alice").get(address, {how: source.pk}).content.decode()
    assert PROMPT not in client_of("bob").get(address, {how: source.pk}).content.decode()


def test_an_input_made_of_a_private_clip_is_as_private_as_the_clip(world: World, client_of: Any) -> None:
    source = finished(world)
    made = intake.from_clip(source, world.alice)
    address = reverse("generations:upload", args=[made.pk])
    assert status(client_of("bob"), address) == 200
    assert sharing.set_visibility(world.alice, source, PRIVATE)
    assert (status(client_of("bob"), address), status(client_of("alice"), address)) == (404, 200)
    assert list(Upload.objects.visible_to(world.bob)) == []


def test_an_extension_does_not_show_the_private_clip_it_was_made_of(world: World, client_of: Any) -> None:
    source = finished(world)
    made = intake.from_clip(source, world.bob)
    extend = order(world.bob, "fal-ai/veo3.1/fast/extend-video", video_url=str(made.pk))
    extension = orders.place(world.bob, extend)[0]
    assert sharing.set_visibility(world.alice, source, PRIVATE)
    address = reverse("generations:detail", args=[extension.pk])
    assert client_of("bob").get(address).context["uploads"] == []
    assert [each.pk for each in client_of("alice").get(address).context["uploads"]] == [made.pk]


def test_who_sends_the_bytes_of_a_private_clip_has_an_upload_by_their_own_name(world: World) -> None:
    content, source = video(), private(world)
    sent = upload(world.alice, "video", content)
    Upload.objects.filter(pk=sent.pk).update(clip=source.clip, name="A secret launch.mp4")
    assert not Upload.objects.visible_to(world.bob).exists()
    assert upload(world.bob, "video", content).pk == sent.pk
    assert Upload.objects.visible_to(world.bob).get().name == "shot.mp4"


# ── Leaving ─────────────────────────────────────────────────────────────────────────────────────


def test_who_leaves_leaves_their_clips_to_the_workspace(world: World, owen: Actor, client_of: Any) -> None:
    first, binned = private(world), private(world)
    bobs = orders.place(world.bob, order(world.bob))[0]
    assert sharing.set_visibility(world.bob, bobs, PRIVATE)
    Generation.objects.filter(pk=binned.pk).update(deleted_at=timezone.now())
    assert client_of("alice").post(reverse("generations:leave")).status_code == 302
    for each in (first, binned, bobs):
        each.refresh_from_db()
    assert (first.visibility, binned.visibility, bobs.visibility) == (WORKSPACE, WORKSPACE, PRIVATE)
    assert client_of("owen").get(reverse("generations:detail", args=[first.pk])).status_code == 200
    assert AuditEvent.objects.get(verb="generation.handed_over").detail["clips"] == 2


def test_who_is_suspended_keeps_what_is_private(world: World, owen: Actor, client_of: Any) -> None:
    generation = private(world)
    world.alice.user.memberships.update(suspended_at=timezone.now())
    assert client_of("owen").get(reverse("generations:detail", args=[generation.pk])).status_code == 404


@pytest.mark.parametrize("end", ["removed", "suspended"])
def test_nothing_becomes_private_to_who_was_removed_a_moment_ago(world: World, owen: Actor, end: str) -> None:
    generation = finished(world)
    mine = Membership.objects.filter(user=world.alice.user)
    if end == "removed":
        mine.delete()
    else:
        mine.update(suspended_at=timezone.now())
    assert not sharing.set_visibility(world.alice, generation, PRIVATE)
    generation.refresh_from_db()
    assert generation.visibility == WORKSPACE


@pytest.mark.both_databases
def test_a_choice_that_crosses_a_removal_leaves_nothing_private_to_nobody(lasting: World) -> None:
    generation = orders.place(lasting.bob, order(lasting.bob))[0]
    removed = Event()

    def remove() -> bool:
        with transaction.atomic():
            lasting.bob.user.memberships.get().delete()
            removed.set()
            sleep(0.3)
        return True

    def choose() -> bool:
        removed.wait(5)
        return sharing.set_visibility(lasting.bob, generation, PRIVATE)

    assert at_once([remove, choose], threads=2) == [True, False]
    generation.refresh_from_db()
    assert generation.visibility == WORKSPACE


def test_a_demoted_author_sees_their_own_and_chooses_no_more(world: World, client_of: Any) -> None:
    generation = private(world)
    world.alice.user.memberships.update(role=Role.VIEWER)
    alice = client_of("alice")
    assert alice.get(reverse("generations:detail", args=[generation.pk])).status_code == 200
    address = reverse("generations:visibility", args=[generation.pk])
    assert alice.post(address, {"visibility": "link"}).status_code == 403
