"""The workspace in the address: two tabs, strangers, sign-in and back, and what hangs on the mount."""

from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import Membership, Role, Workspace
from generations import orders
from generations.models import Generation
from tests.factors import prove_address
from tests.world import PASSWORD, World, order

pytestmark = pytest.mark.django_db
LISTS = ("create", "queue", "gallery", "credits", "bin")


def at(workspace: Workspace, name: str, *args: Any) -> str:
    return f"/w/{workspace.pk}{reverse(name, args=args)}"


def both(world: World, role: Role = Role.CREATOR) -> None:
    """Alice is in Eve's workspace as well."""
    Membership.objects.create(user=world.alice.user, workspace=world.eve.workspace, role=role)


def test_the_front_door_leads_into_a_named_workspace(world: World, client_of: Any) -> None:
    here = world.alice.workspace.pk
    assert client_of("alice").get("/")["Location"] == f"/w/{here}/create/"
    assert client_of("vera").get("/")["Location"] == f"/w/{here}/gallery/"
    assert client_of("alice").get(f"/w/{here}/")["Location"] == f"/w/{here}/create/"


def test_two_tabs_are_in_two_workspaces(world: World, client_of: Any) -> None:
    both(world)
    alice = client_of("alice")
    ours, theirs = world.alice.workspace, world.eve.workspace
    for workspace in (ours, theirs, ours):
        page = alice.get(at(workspace, "generations:gallery"))
        assert page.context["actor"].workspace == workspace
        assert f'href="/w/{workspace.pk}/queue/"' in page.content.decode()


def test_an_order_form_of_one_workspace_is_refused_in_the_other(world: World, client_of: Any) -> None:
    both(world)
    alice = client_of("alice")
    form = alice.get(at(world.alice.workspace, "generations:create")).context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "")}
    data |= {"prompt": "Whose money?", "endpoint": form.endpoint.id, "quoted": form.quote().total}
    refused = alice.post(at(world.eve.workspace, "generations:create"), data)
    assert (refused.status_code, refused.context["refusal_kind"]) == (409, "OtherWorkspace")
    assert not Generation.objects.exists()
    placed = alice.post(at(world.alice.workspace, "generations:create"), data)
    assert placed["Location"] == at(world.alice.workspace, "generations:queue")


@pytest.mark.parametrize("page", LISTS)
def test_switching_stays_on_the_page(world: World, client_of: Any, page: str) -> None:
    both(world)
    there = world.eve.workspace
    address = at(world.alice.workspace, "accounts:switch", there.pk)
    moved = client_of("alice").post(address, {"next": reverse(f"generations:{page}")})
    assert moved["Location"] == at(there, f"generations:{page}")


def test_switching_from_what_the_other_has_not_leads_to_its_gallery(world: World, client_of: Any) -> None:
    both(world, Role.VIEWER)
    made = orders.place(world.alice, order(world.alice))[0]
    there = world.eve.workspace
    elsewhere = [
        reverse("generations:detail", args=[made.pk]),
        reverse("generations:create"),  # viewers make nothing
        reverse("accounts:settings"),
        reverse("accounts:rename"),
        "//evil.example/gallery/",
        "https://evil.example/gallery/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/gallery/?next=https://evil.example",
        "",
    ]
    for path in elsewhere:
        moved = client_of("alice").post(reverse("accounts:switch", args=[there.pk]), {"next": path})
        assert moved["Location"] == at(there, "generations:gallery"), path


def test_nobody_suspended_switches_there(world: World, client_of: Any) -> None:
    both(world)
    Membership.objects.filter(user=world.alice.user, workspace=world.eve.workspace).update(
        suspended_at=world.alice.user.date_joined
    )
    address = reverse("accounts:switch", args=[world.eve.workspace.pk])
    assert client_of("alice").post(address).status_code == 404
    assert client_of("alice").get(at(world.eve.workspace, "generations:gallery")).status_code == 404
    menu = client_of("alice").get(reverse("generations:gallery")).context["workspaces"]
    assert list(menu) == [world.alice.workspace]


def test_a_workspace_that_one_is_not_in_is_nowhere(world: World, client_of: Any) -> None:
    eve, here = client_of("eve"), world.alice.workspace.pk
    plain = [pattern for pattern in routes() if "<" not in pattern and not pattern.startswith("admin/")]
    assert len(plain) > 20
    for route in plain:
        assert eve.get(f"/w/{here}/{route}").status_code == 404, route
    lost = eve.get(f"/w/{here}/gallery/").content.decode()
    assert f"/w/{here}" not in lost  # where it leads to is open to her


def routes() -> list[str]:
    """Every address without a converter, allauth's too."""
    known: Any = get_resolver().reverse_dict
    return [str(each[0][0][0]) for each in known.values()]


def test_strangers_sign_in_and_come_back(world: World) -> None:
    prove_address(world.alice.user)
    page = at(world.alice.workspace, "generations:queue")
    client = Client()
    sent = client.get(page)["Location"]
    assert sent.startswith(f"/w/{world.alice.workspace.pk}/accounts/login/?next=/w/")
    signed_in = client.post(sent, {"login": "alice@example.com", "password": PASSWORD})
    assert signed_in["Location"] == page


def test_signing_out_leaves_the_workspace_to_the_next_person(world: World, client_of: Any) -> None:
    left = client_of("alice").post(at(world.alice.workspace, "account_logout"))
    assert left["Location"] == reverse("account_login")


def test_what_hangs_on_the_mount_works(world: World, client_of: Any) -> None:
    alice, here = client_of("alice"), world.alice.workspace
    made = orders.place(world.alice, order(world.alice))[0]
    polled = alice.get(at(here, "generations:live"), {"c": f"{made.pk}:0"}, HTTP_HX_REQUEST="true")
    assert polled.status_code == 200
    assert f"/w/{here.pk}/generations/{made.pk}/" in polled.content.decode()
    cancelled = alice.post(at(here, "generations:cancel", made.pk))
    assert cancelled["Location"].startswith(f"/w/{here.pk}/")
    style: Any = Client().get(f"/w/{here.pk}/static/css/studio.css")
    assert b"@layer" in b"".join(style.streaming_content)
    # Only fal's own address is fal's door.
    assert Client().post(f"/w/{here.pk}/webhooks/fal/none/").status_code in (400, 403, 404)
    assert alice.get(f"/w/{here.pk}/w/{here.pk}/gallery/").status_code == 404
    assert alice.get(f"/w/{here.pk}/gallery")["Location"] == at(here, "generations:gallery")
    assert reverse("generations:gallery") == "/gallery/"  # nothing of it is left behind
