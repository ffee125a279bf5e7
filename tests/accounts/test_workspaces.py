"""Workspaces as a whole: made, renamed, handed over, closed; and who may."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import inviting, team, workspaces
from accounts.inviting import Guest
from accounts.models import (
    ApiToken,
    AuditEvent,
    Budget,
    Hold,
    Invitation,
    Letter,
    Membership,
    Notification,
    Role,
    User,
    Wallet,
    Workspace,
)
from accounts.models.budget import month_of
from accounts.policy import Actor
from generations import orders
from generations.models import Generation, State
from tests.world import World, order

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SETTINGS = "accounts:settings"


def member(world: World, who: Actor) -> Membership:
    return Membership.objects.get(user=who.user, workspace=world.alice.workspace)


def fresh(who: Actor) -> Actor:
    """As the next request finds them."""
    found = Membership.objects.select_related("user", "workspace__wallet")
    return Actor.of(found.get(user=who.user, workspace=who.workspace))


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, all through one gate; what they answered or raised."""
    gate = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        gate.wait()
        try:
            answers[place] = act()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return answers


# ── Making and renaming ─────────────────────────────────────────────────────────────────────────


def test_a_new_workspace_is_its_makers_and_has_an_empty_wallet(world: World, client_of: Any) -> None:
    alice = client_of("alice")
    made = alice.post(reverse("accounts:workspace_new"), {"name": "Client B"})
    workspace = Workspace.objects.get(name="Client B")
    assert made["Location"] == f"/w/{workspace.pk}/"
    assert (workspace.wallet.posted, workspace.memberships.get().role) == (0, Role.OWNER)
    event = AuditEvent.objects.get(verb="workspace.created")
    assert (event.workspace, event.actor, event.acting_as) == (workspace, world.alice.user, "owner")
    assert alice.get(f"/w/{workspace.pk}/gallery/").context["actor"].workspace == workspace


def test_a_name_is_needed_and_nobody_owns_too_many(world: World, client_of: Any, monkeypatch: Any) -> None:
    alice = client_of("alice")
    assert alice.post(reverse("accounts:workspace_new"), {"name": " "}).status_code == 422
    monkeypatch.setattr(workspaces, "MOST_OWNED", 1)
    refused = alice.post(reverse("accounts:workspace_new"), {"name": "One more"})
    assert (refused.status_code, "which is the most" in refused.content.decode()) == (422, True)
    assert not Workspace.objects.filter(name="One more").exists()


def test_renaming_is_written_down_and_only_for_leads(world: World, client_of: Any) -> None:
    address = reverse("accounts:rename")
    for name in ("bob", "vera"):
        assert client_of(name).post(address, {"name": "Mine"}).status_code == 403
    assert client_of("alice").post(address, {"name": "Southlight"}).status_code == 302
    assert client_of("alice").post(address, {"name": ""}).status_code == 422
    assert Workspace.objects.get(pk=world.alice.workspace.pk).name == "Southlight"
    event = AuditEvent.objects.get(verb="workspace.renamed")
    assert (event.before, event.after) == ({"name": "Northlight"}, {"name": "Southlight"})
    assert Workspace.objects.get(pk=world.eve.workspace.pk).name == "Harbour"


def test_settings_are_for_those_who_may_change_something(world: World, client_of: Any) -> None:
    assert client_of("alice").get(reverse(SETTINGS)).status_code == 200
    assert [client_of(name).get(reverse(SETTINGS)).status_code for name in ("bob", "vera")] == [403, 403]
    stranger = client_of("eve").get(f"/w/{world.alice.workspace.pk}{reverse(SETTINGS)}")
    assert stranger.status_code == 404
    member(world, world.bob).delete()
    Membership.objects.create(user=world.bob.user, workspace=world.alice.workspace, role=Role.ADMIN)
    page = client_of("bob").get(reverse(SETTINGS)).content.decode()
    assert "Rename" in page
    assert "Close it" not in page
    for address in ("accounts:require_second_factor", "accounts:transfer", "generations:close"):
        assert client_of("bob").post(reverse(address), {}).status_code == 403


@pytest.mark.parametrize("members", [10, 200])
def test_settings_of_a_large_team_take_as_many_queries(
    world: World, client_of: Any, django_assert_max_num_queries: Any, members: int
) -> None:
    people = [User(email=f"{number}@example.com") for number in range(members)]
    made = User.objects.bulk_create(people)
    workspace = world.alice.workspace
    Membership.objects.bulk_create(Membership(user=each, workspace=workspace) for each in made)
    alice = client_of("alice")
    with django_assert_max_num_queries(9):
        page = alice.get(reverse(SETTINGS)).content.decode()
    assert page.count("<option") == members + 3  # Bob, Vera, and the choice of nobody


# ── Handing over ────────────────────────────────────────────────────────────────────────────────


def test_handing_over_makes_an_owner_and_an_admin(world: World, client_of: Any) -> None:
    address = reverse("accounts:transfer")
    for wrong in (member(world, world.alice).pk, world.eve.user.memberships.get().pk, "", "x"):
        assert client_of("alice").post(address, {"member": wrong}).status_code == 422
    heir = member(world, world.bob)
    assert client_of("alice").post(address, {"member": heir.pk}).status_code == 302
    assert [member(world, each).role for each in (world.alice, world.bob)] == [Role.ADMIN, Role.OWNER]
    event = AuditEvent.objects.get(verb="workspace.transferred")
    assert event.before == {"owner": "alice@example.com", "role": "creator"}
    line, letter = Notification.objects.get(), Letter.objects.get()
    assert (line.user, line.workspace, line.address) == (world.bob.user, heir.workspace, reverse(SETTINGS))
    assert line.text == "Alice handed the workspace over to you: you own it now."
    assert (letter.to, letter.subject) == ("bob@example.com", "You own Northlight on Dailies now")
    assert f"/w/{heir.workspace_id}{reverse(SETTINGS)}" in letter.text
    assert client_of("alice").post(address, {"member": heir.pk}).status_code == 403


def test_nobody_suspended_becomes_an_owner(world: World) -> None:
    heir = member(world, world.bob)
    Membership.objects.filter(pk=heir.pk).update(suspended_at=timezone.now())
    with pytest.raises(workspaces.Refused):
        workspaces.transfer(world.alice, heir)
    assert member(world, world.alice).role == Role.OWNER
    assert not AuditEvent.objects.filter(verb="workspace.transferred").exists()
    assert not Letter.objects.exists()


def test_what_the_last_owner_cannot_do_is_not_offered(world: World, client_of: Any) -> None:
    hand_over, leave = "Yes, hand it over", "Yes, leave it"

    def offered() -> list[bool]:
        page = client_of("alice").get(reverse(SETTINGS)).content.decode()
        return [words in page for words in (hand_over, leave, "no other active member", "only active owner")]

    assert offered() == [True, False, False, True]
    bob = member(world, world.bob)
    Membership.objects.filter(pk=bob.pk).update(role=Role.OWNER)
    assert offered() == [True, True, False, False]
    others = Membership.objects.filter(workspace=world.alice.workspace).exclude(user=world.alice.user)
    others.update(suspended_at=timezone.now())
    assert offered() == [False, False, True, True]


def test_the_form_stays_open_when_something_was_wrong(world: World, client_of: Any) -> None:
    page = client_of("alice").post(reverse("accounts:transfer"), {"member": ""}).content.decode()
    assert '<details class="sure" open>' in page


@pytest.mark.django_db(transaction=True)
def test_of_two_transfers_at_once_one_happens() -> None:
    world = World.make()
    bob, vera = member(world, world.bob), member(world, world.vera)
    answers = at_once(
        lambda: workspaces.transfer(fresh(world.alice), bob),
        lambda: workspaces.transfer(world.alice, vera),
    )
    assert sum(isinstance(each, workspaces.Refused) for each in answers) == 1, answers
    owners = Membership.objects.filter(workspace=world.alice.workspace, role=Role.OWNER)
    assert owners.count() == 1
    assert member(world, world.alice).role == Role.ADMIN


# ── Closing ─────────────────────────────────────────────────────────────────────────────────────


def test_closing_needs_the_name_and_keeps_what_there_was(world: World, client_of: Any) -> None:
    workspace = world.alice.workspace
    token, _ = ApiToken.draw(workspace=workspace, user=world.alice.user, name="CI", scopes=[])
    token.save()
    until = timezone.now() + timedelta(days=7)
    Invitation.objects.create(
        workspace=workspace, email="n@example.com", invited_by=world.alice.user, expires_at=until
    )
    address = reverse("generations:close")
    assert "are left" in client_of("alice").get(address).content.decode()
    assert client_of("alice").post(address, {"name": "northlight"}).status_code == 422
    assert client_of("alice").post(address, {"name": "Northlight"})["Location"] == "/"
    workspace.refresh_from_db()
    token.refresh_from_db()
    assert workspace.closed_at
    assert token.revoked_at
    assert not Invitation.objects.pending().exists()
    assert workspace.wallet.entries.count() == 1
    assert AuditEvent.objects.get(verb="workspace.closed").actor == world.alice.user
    for name in ("alice", "bob", "vera"):
        assert client_of(name).get(f"/w/{workspace.pk}/gallery/").status_code == 404
        assert client_of(name).post(reverse("accounts:switch", args=[workspace.pk])).status_code == 404
    with pytest.raises(orders.NotAllowed):
        press(world)
    with pytest.raises(workspaces.Refused):
        workspaces.close(world.alice, "Northlight")


def test_a_personal_workspace_has_one_owner(world: World) -> None:
    Workspace.objects.filter(pk=world.alice.workspace.pk).update(personal=True)
    world.alice.workspace.refresh_from_db()
    bob = Membership.objects.get(user=world.bob.user)
    with pytest.raises(team.Refused, match="alone is its owner"):
        team.change_role(world.alice, bob, Role.OWNER)
    with pytest.raises(team.Refused, match="alone is its owner"):
        inviting.invite(world.alice, [Guest("", Role.OWNER)], expires_at=timezone.now() + timedelta(days=1))
    team.change_role(world.alice, bob, Role.ADMIN)


def test_a_personal_workspace_is_neither_closed_nor_handed_over(world: World, client_of: Any) -> None:
    Workspace.objects.filter(pk=world.alice.workspace.pk).update(personal=True)
    heir = member(world, world.bob).pk
    assert client_of("alice").post(reverse("generations:close"), {"name": "Northlight"}).status_code == 422
    assert client_of("alice").post(reverse("accounts:transfer"), {"member": heir}).status_code == 422
    assert not Workspace.objects.filter(closed_at__isnull=False).exists()


def test_nothing_is_held_in_a_closed_workspace_by_whatever_way(world: World) -> None:
    stale = Wallet.objects.get(workspace=world.alice.workspace)
    about_everything = Budget(workspace=world.alice.workspace, most=900, month=month_of(timezone.now()))
    about_everything.save()
    workspaces.close(world.alice, "Northlight")
    for wallet in (stale, Wallet.objects.get(pk=stale.pk)):
        for approved in (False, True):
            wanted = Hold(amount=5, spender=world.alice.user, role="owner")
            assert not wallet.hold([wanted], approved=approved)
    assert not Hold.objects.exists()


def test_held_credits_keep_it_open(world: World) -> None:
    press(world)
    with pytest.raises(workspaces.Refused, match="set aside"):
        workspaces.close(world.alice, "Northlight")
    assert Workspace.objects.get(pk=world.alice.workspace.pk).closed_at is None


@pytest.mark.breaks_invariants  # a row that awaits approval, made by hand
def test_what_awaits_approval_keeps_it_open_though_nothing_is_held(world: World, client_of: Any) -> None:
    made = press(world)[0]
    Generation.objects.filter(pk=made.pk).update(state=State.AWAITING, hold=None)
    made.hold.delete()
    Wallet.objects.update(held=0)
    refused = client_of("alice").post(reverse("generations:close"), {"name": "Northlight"})
    assert (refused.status_code, "still open" in refused.content.decode()) == (422, True)
    assert not Workspace.objects.filter(closed_at__isnull=False).exists()
    assert not Wallet.objects.filter(closed=True).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("budgeted", [False, True])
@pytest.mark.parametrize("attempt", range(4))
def test_an_order_at_the_moment_of_closing_is_refused_or_keeps_it_open(budgeted: bool, attempt: int) -> None:
    world = World.make()
    Wallet.objects.filter(workspace=world.alice.workspace).update(budgeted=budgeted)
    *placed, closed = at_once(
        *[partial(press, world)] * 3, lambda: workspaces.close(world.alice, "Northlight")
    )
    workspace = Workspace.objects.select_related("wallet").get(pk=world.alice.workspace.pk)
    if workspace.closed_at:
        assert all(isinstance(each, orders.Refused) for each in placed), placed
        assert workspace.wallet.held == 0
    else:
        assert isinstance(closed, workspaces.Refused)
        assert workspace.wallet.held == 40 * Generation.objects.count() > 0


def press(world: World) -> Any:
    """Place an order as any page does."""
    return orders.place(world.alice, order(world.alice))
