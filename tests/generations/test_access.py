"""Owner, colleague, viewer, stranger and nobody at every address that names an object."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts import tokens, webhooks
from accounts.budgets import set_budget
from accounts.inviting import Guest, invite
from accounts.models import Budget, Membership, Role, Scope, WebhookMessage
from accounts.policy import Actor
from generations import collecting, orders
from generations.media.vault import new_key, vault
from generations.models import Attempt, Clip, Generation, State, Upload
from tests.world import World, order, upload

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
OURS = ("generations", "accounts")


def object_addresses() -> list[str]:
    """The names of all our addresses with an object's key in them, as the URLconf has them."""
    found = []

    def walk(patterns: list[URLPattern | URLResolver], namespace: str) -> None:
        for each in patterns:
            if isinstance(each, URLResolver):
                walk(each.url_patterns, each.namespace or namespace)
            elif namespace in OURS and "pk" in each.pattern.regex.groupindex:
                found.append(f"{namespace}:{each.name}")

    walk(get_resolver().url_patterns, "")
    return found


@pytest.fixture
def things(world: World) -> dict[str, Any]:
    """One of everything, all Alice's workspace's, by the address that shows it."""
    done, binned = finished(world), finished(world)
    Generation.objects.filter(pk=binned.pk).update(deleted_at=binned.created_at)
    picture = upload(world.alice)
    shelf = collecting.create(world.alice, "Spring")
    hook = webhooks.add(world.alice, "https://program.example/", [])
    webhooks.send_test(world.alice, hook)
    guest = Guest("ada@example.com", Role.VIEWER)
    invited = invite(world.alice, [guest], expires_at=timezone.now() + timedelta(days=1))[0]
    bobs = Membership.objects.get(user=world.bob.user)
    budget = set_budget(world.alice, Budget(tier="standard", most=0, beyond="ask"))
    parked = orders.place(world.alice, order(world.alice, "fal-ai/veo3.1"))[0]
    named: list[tuple[Any, tuple[str, ...]]] = [
        (done.pk, ("detail", "cancel", "again", "delete", "clip", "poster", "visibility")),
        (shelf.pk, ("collection", "rename_collection", "delete_collection", "uncollect")),
        (picture.pk, ("upload",)),
        (binned.pk, ("restore",)),
        (bobs.pk, ("member_remove",)),
        (budget.pk, ("budget", "budget_remove")),
        (parked.pk, ("decide",)),
    ]
    found: dict[str, Any] = {f"generations:{name}": key for key, names in named for name in names}
    starts = {"accounts:webhook": hook.pk, "accounts:invitation_": invited.pk, "accounts:member_": bobs.pk}
    for start, key in starts.items():
        found |= {name: key for name in object_addresses() if name.startswith(start)}
    found["accounts:token_revoke"] = tokens.make(world.alice, "A program", Scope.values)[0].pk
    found["accounts:webhook_message_replay"] = WebhookMessage.objects.get(type="webhook.test").pk
    return found | {"accounts:switch": world.alice.workspace.pk}


def finished(world: World, who: Actor | None = None, **values: Any) -> Generation:
    """A succeeded generation with files, without fal."""
    author = who or world.alice
    generation = storing(orders.place(author, order(author, **values))[0])
    keys = [
        vault().save(new_key("clips", generation.workspace_id, ".mp4"), ContentFile(b"0123456789"))
        for _ in "cp"
    ]
    clip = Clip.objects.create(
        file=keys[0], poster=keys[1], sha256="0" * 64, size=10,
        width=1280, height=720, seconds=8.0, has_audio=True,
    )  # fmt: skip
    assert generation.finish(State.SUCCEEDED, cause="test", clip=clip)
    return generation


def storing(generation: Generation) -> Generation:
    """Walk a queued generation to where its file is about to be fetched, without fal."""
    generation.claim(State.SUBMITTING, seconds=60, cause="test")
    Attempt.objects.create(
        generation=generation,
        number=1,
        token_hash=uuid.uuid4().hex,
        state="accepted",
        request_id=str(uuid.uuid4()),
        sent_at=generation.created_at,
    )
    generation.move(State.SUBMITTED, cause="test", wake_at=generation.created_at)
    generation.move(State.STORING, cause="test", wake_at=generation.created_at)
    return generation


def snapshot() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Generation, Upload, Clip, Budget)]


def test_every_object_address_is_covered(things: dict[str, Any]) -> None:
    assert set(object_addresses()) == set(things)


@pytest.mark.parametrize("name", object_addresses())
@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_gets_a_404_and_changes_nothing(
    things: dict[str, Any], client_of: Any, name: str, method: str
) -> None:
    before = snapshot()
    response = getattr(client_of("eve"), method)(reverse(name, args=[things[name]]))
    allowed = getattr(client_of("alice"), method)(reverse(name, args=[things[name]]))
    for close in allowed._resource_closers:  # close() itself would also end the test's transaction
        close()
    # Where the owner gets an answer, the stranger's is a 404: not even "forbidden" tells that it exists.
    assert response.status_code == (405 if allowed.status_code == 405 else 404)
    assert method == "post" or snapshot() == before


@pytest.mark.parametrize("name", object_addresses())
def test_nobody_is_sent_to_sign_in(things: dict[str, Any], name: str) -> None:
    before = snapshot()
    for method in ("get", "post"):
        response = getattr(Client(), method)(reverse(name, args=[things[name]]))
        assert (response.status_code, response["Location"].split("?")[0]) == (302, "/accounts/login/")
    assert snapshot() == before


@pytest.mark.parametrize("name", ["cancel", "delete", "restore"])
def test_a_viewer_sees_and_changes_nothing(things: dict[str, Any], client_of: Any, name: str) -> None:
    before = snapshot()
    vera = client_of("vera")
    assert vera.get(reverse("generations:detail", args=[things["generations:detail"]])).status_code == 200
    assert vera.post(reverse(f"generations:{name}", args=[things[f"generations:{name}"]])).status_code == 403
    assert vera.get(reverse("generations:create")).status_code == 403
    assert snapshot() == before


def test_a_colleague_sees_but_does_not_delete_what_is_not_theirs(
    things: dict[str, Any], client_of: Any
) -> None:
    bob = client_of("bob")
    key = things["generations:detail"]
    assert bob.get(reverse("generations:detail", args=[key])).status_code == 200
    assert bob.get(reverse("generations:clip", args=[key])).getvalue() == b"0123456789"
    assert bob.post(reverse("generations:delete", args=[key])).status_code == 403


def test_removal_from_a_workspace_works_on_the_next_request(
    things: dict[str, Any], client_of: Any, world: World
) -> None:
    bob = client_of("bob")
    address = reverse("generations:clip", args=[things["generations:clip"]])
    assert bob.get(address).getvalue() == b"0123456789"
    world.bob.user.memberships.all().delete()
    assert bob.get(address).status_code == 403
    assert bob.get(reverse("generations:gallery")).status_code == 403


def test_lists_of_two_workspaces_are_disjoint(things: dict[str, Any], client_of: Any) -> None:
    key = str(things["generations:detail"])
    for name in ("gallery", "queue", "credits", "bin"):
        address = reverse(f"generations:{name}")
        assert key not in client_of("eve").get(address, {"whose": "team"}).content.decode()
    live = client_of("eve").get(reverse("generations:live"), {"c": f"{key}:other"})
    assert live.status_code == 204
    assert client_of("alice").get(reverse("generations:live"), {"c": f"{key}:other"}).status_code == 200


def test_every_post_without_a_token_is_refused(things: dict[str, Any], world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.alice.user)
    for name in ("cancel", "delete"):
        assert (
            strict.post(reverse(f"generations:{name}", args=[things[f"generations:{name}"]])).status_code
            == 403
        )
    assert strict.post(reverse("generations:create")).status_code == 403


RANGES = {
    "": (200, b"0123456789", None),
    "bytes=0-3": (206, b"0123", "bytes 0-3/10"),
    "bytes=4-": (206, b"456789", "bytes 4-9/10"),
    "bytes=-2": (206, b"89", "bytes 8-9/10"),
    "bytes=8-99": (206, b"89", "bytes 8-9/10"),
    "bytes=10-": (416, b"", "bytes */10"),
    "bytes=5-2": (200, b"0123456789", None),
    "bytes=0-1,3-4": (200, b"0123456789", None),
    "lines=0-1": (200, b"0123456789", None),
    "bytes=-": (200, b"0123456789", None),
}


@pytest.mark.parametrize("asked", RANGES)
def test_a_player_gets_the_bytes_it_asked_for(things: dict[str, Any], client_of: Any, asked: str) -> None:
    status, content, header = RANGES[asked]
    address = reverse("generations:clip", args=[things["generations:clip"]])
    response = client_of("alice").get(address, headers={"Range": asked} if asked else {})
    assert response.status_code == status
    assert response.getvalue() == content
    assert response.get("Content-Range") == header
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "private" in response["Cache-Control"]
