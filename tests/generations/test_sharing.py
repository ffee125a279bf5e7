"""Who sees a clip: its author, the workspace, whoever has the link; and what becomes of it afterwards."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Role
from accounts.policy import Actor
from generations import orders, sharing
from generations.media import intake
from generations.models import Generation, State, Upload, Visibility
from tests.generations.test_access import finished
from tests.world import World, order, upload, video

PRIVATE, WORKSPACE, LINK = Visibility.PRIVATE, Visibility.WORKSPACE, Visibility.LINK
PROMPT = "A lighthouse at dusk"
CHOSEN_BY_OTHERS = ("bob", "vera", "owen", "eve")


@pytest.fixture
def owen(world: World) -> Actor:
    """An owner besides: Alice, who makes the clips here, is only a creator."""
    world.alice.user.memberships.update(role=Role.CREATOR)
    world.alice = replace(world.alice, role=Role.CREATOR)
    user = type(world.eve.user).objects.create_user("owen@example.com", "x", first_name="Owen")
    membership = Membership.objects.create(user=user, workspace=world.alice.workspace, role=Role.OWNER)
    world.owen = Actor.of(membership)  # type: ignore[attr-defined]  # for `client_of`
    return world.owen  # type: ignore[attr-defined, no-any-return]


def private(world: World) -> Generation:
    generation = finished(world)
    assert sharing.set_visibility(world.alice, generation, PRIVATE)
    return generation


def linked(world: World) -> tuple[Generation, str]:
    """A shared clip, and the path of its address."""
    generation = finished(world)
    assert sharing.set_visibility(world.alice, generation, LINK)
    return generation, path_of(generation)


def path_of(generation: Generation) -> str:
    return sharing.address_of(generation).removeprefix(settings.PUBLIC_URL)


def status(client: Client, address: str) -> int:
    """What is answered, with its file closed again."""
    response: Any = client.get(address)
    for close in response._resource_closers:  # close() itself would also end the test's transaction
        close()
    return int(response.status_code)


# ── Private ─────────────────────────────────────────────────────────────────────────────────────


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
    told = [(each.before["visibility"], each.after["visibility"]) for each in events]
    assert told == [("workspace", "private"), ("private", "link"), ("link", "workspace")]
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
    assert AuditEvent.objects.filter(verb="generation.visibility").last().actor == owen.user


def test_of_two_who_choose_at_once_the_first_wins(world: World) -> None:
    generation = finished(world)
    late = Generation.objects.get(pk=generation.pk)
    assert sharing.set_visibility(world.alice, generation, LINK)
    key = generation.link_key
    assert not sharing.set_visibility(world.alice, late, PRIVATE)
    again, stale = (Generation.objects.get(pk=generation.pk) for _ in "ab")
    assert sharing.set_visibility(world.alice, again, LINK)
    assert again.link_key != key
    assert not sharing.set_visibility(world.alice, stale, LINK)
    assert Generation.objects.get(pk=generation.pk).link_key == again.link_key


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
    assert sharing.set_visibility(world.alice, generation, LINK)
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


# ── Leaving ─────────────────────────────────────────────────────────────────────────────────────


def test_who_leaves_leaves_their_clips_to_the_workspace(world: World, owen: Actor, client_of: Any) -> None:
    first, binned = private(world), private(world)
    bobs = orders.place(world.bob, order(world.bob))[0]
    assert sharing.set_visibility(world.bob, bobs, PRIVATE)
    Generation.objects.filter(pk=binned.pk).update(deleted_at=timezone.now())
    world.alice.user.memberships.get().delete()
    for each in (first, binned, bobs):
        each.refresh_from_db()
    assert (first.visibility, binned.visibility, bobs.visibility) == (WORKSPACE, WORKSPACE, PRIVATE)
    assert client_of("owen").get(reverse("generations:detail", args=[first.pk])).status_code == 200
    assert AuditEvent.objects.filter(
        verb="generations.passed_on", workspace=world.alice.workspace
    ).count() == 1  # fmt: skip


def test_who_is_removed_with_others_leaves_their_clips_too(world: World, owen: Actor) -> None:
    generation = private(world)
    Membership.objects.filter(workspace=world.alice.workspace).delete()
    generation.refresh_from_db()
    assert generation.visibility == WORKSPACE


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


def test_a_demoted_author_sees_their_own_and_chooses_no_more(world: World, client_of: Any) -> None:
    generation = private(world)
    world.alice.user.memberships.update(role=Role.VIEWER)
    alice = client_of("alice")
    assert alice.get(reverse("generations:detail", args=[generation.pk])).status_code == 200
    address = reverse("generations:visibility", args=[generation.pk])
    assert alice.post(address, {"visibility": "link"}).status_code == 403
