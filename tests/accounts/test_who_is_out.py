"""Who is out, deactivated, or hands the workspace over: nothing they left behind opens a door again."""

from datetime import timedelta
from typing import Any, cast

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import inviting, team, workspaces
from accounts.bell import latest, ring
from accounts.budgets import set_budget
from accounts.inviting import Guest, invite
from accounts.models import AuditEvent, Budget, Invitation, Membership, Notification, Role, User, Workspace
from accounts.policy import Actor
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def member(who: Actor) -> Membership:
    return Membership.objects.select_related("user", "workspace").get(user=who.user, workspace=who.workspace)


def link(who: Actor, role: Role) -> Invitation:
    (made,) = invite(who, [Guest("", role)], expires_at=timezone.now() + timedelta(days=7))
    return made


def test_nobody_inherits_who_cannot_sign_in(world: World) -> None:
    heir = member(world.bob)
    User.objects.filter(pk=world.bob.user.pk).update(is_active=False)
    with pytest.raises(workspaces.Refused):
        workspaces.transfer(world.alice, heir)
    owners = Membership.objects.active().filter(workspace=world.alice.workspace, role=Role.OWNER)
    assert owners.get().user == world.alice.user


def test_who_handed_over_left_no_link_that_makes_an_owner(world: World) -> None:
    owners, viewers = link(world.alice, Role.OWNER), link(world.alice, Role.VIEWER)
    workspaces.transfer(world.alice, member(world.bob))
    with pytest.raises(team.Refused, match="taken back"):
        inviting.accept(world.eve.user, owners)
    assert inviting.accept(world.eve.user, viewers).role == Role.VIEWER


def test_a_link_of_somebody_who_was_deactivated_lets_nobody_in(world: World) -> None:
    left_behind = link(world.alice, Role.ADMIN)
    User.objects.filter(pk=world.alice.user.pk).update(is_active=False)
    with pytest.raises(team.Refused):
        inviting.accept(world.eve.user, left_behind)
    assert not Membership.objects.filter(user=world.eve.user, workspace=world.alice.workspace).exists()


def test_the_budgets_that_end_with_a_membership_stand_in_the_trail(world: World) -> None:
    set_budget(world.alice, Budget(member=world.bob.user, most=100))
    set_budget(world.alice, Budget(member=world.bob.user, tier="lite", most=50))
    team.remove(world.alice, member(world.bob))
    dropped = AuditEvent.objects.filter(verb="budget.dropped").order_by("pk")
    assert [(event.before or {})["most"] for event in dropped] == [100, 50]
    assert not Budget.objects.exists()


def told(person: Actor, client: Any) -> bool:
    page = client.get(reverse("accounts:bell")).content.decode()
    assert ("a lighthouse" in page) == bool(latest(person.user, proven=False))
    return "a lighthouse" in page


@pytest.mark.parametrize("end", ["removed", "suspended", "closed"])
def test_the_bell_tells_nothing_of_a_workspace_that_one_is_not_in_any_more(
    world: World, client_of: Any, end: str
) -> None:
    home = workspaces.create(world.bob.user, "Bob's own")
    ring([world.bob.user], world.bob.workspace, "Alice asks for 40 credits for a lighthouse", "/queue/")
    bob = client_of("bob")
    assert told(world.bob, bob)
    mine = Membership.objects.filter(user=world.bob.user, workspace=world.bob.workspace)
    if end == "removed":
        mine.delete()
    elif end == "suspended":
        mine.update(suspended_at=timezone.now())
    else:
        Workspace.objects.filter(pk=world.bob.workspace.pk).update(closed_at=timezone.now())
    assert not told(world.bob, bob)
    ring([world.bob.user], home, "a lighthouse of my own", "/queue/")
    (line,) = cast(Any, latest(world.bob.user, proven=False))
    assert (line.unread, Notification.objects.count()) == (1, 2)


def test_the_bell_of_a_workspace_that_asks_for_a_second_factor_is_not_read_from_another(
    world: World, client_of: Any
) -> None:
    workspaces.create(world.bob.user, "Bob's own")
    ring([world.bob.user], world.bob.workspace, "Alice asks for 40 credits for a lighthouse", "/queue/")
    bob = client_of("bob")
    home = Workspace.objects.get(name="Bob's own")
    page = f"/w/{home.pk}{reverse('accounts:bell')}"
    assert "a lighthouse" in bob.get(page).content.decode()
    Workspace.objects.filter(pk=world.bob.workspace.pk).update(mfa_from=timezone.now())
    answer = bob.get(page)
    assert (answer.status_code, "a lighthouse" in answer.content.decode()) == (200, False)


def test_an_address_that_no_column_holds_is_refused_and_no_error(world: World, client_of: Any) -> None:
    long = f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.com"
    assert len(long) > 254
    form = {"by": "mail", "emails": long, "role": "creator", "days": "7"}
    assert client_of("alice").post(reverse("accounts:invite"), form).status_code == 422


@pytest.mark.parametrize("page", ["accounts:members", "accounts:audit", "generations:gallery"])
@pytest.mark.parametrize("name", ["q", "after", "who", "verb", "actor", "invited", "state", "mode"])
def test_a_sign_that_no_database_takes_breaks_no_page(
    world: World, client_of: Any, page: str, name: str
) -> None:
    assert client_of("alice").get(reverse(page), {name: "a\0b"}).status_code in (200, 422)


def test_who_is_suspended_everywhere_is_told_where(world: World, client_of: Any) -> None:
    everywhere = Membership.objects.filter(user=world.bob.user)
    page = reverse("generations:gallery")
    everywhere.update(suspended_at=timezone.now())
    told = client_of("bob").get(page)
    assert told.status_code == 403
    words = "You are suspended in Northlight. Its owners and admins can let you in again."
    assert words in told.content.decode()
    assert "in no workspace yet" not in told.content.decode()
    Workspace.objects.update(closed_at=timezone.now())
    assert "in no workspace yet" in client_of("bob").get(page).content.decode()
    everywhere.delete()
    assert "in no workspace yet" in client_of("bob").get(page).content.decode()
