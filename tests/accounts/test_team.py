"""Members and roles: who may do what to whom, the last owner, and what ends at once."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import team
from accounts.models import ApiToken, AuditEvent, Budget, Invitation, Membership, Role, User, Wallet
from accounts.policy import Actor
from generations.models import Generation, Visibility
from tests.accounts.test_races import at_once
from tests.clips import finished
from tests.world import World, actor


def membership(who: Actor) -> Membership:
    return Membership.objects.get(user=who.user, workspace=who.workspace)


def become(who: Actor, role: Role) -> Actor:
    Membership.objects.filter(user=who.user).update(role=role)
    return actor(who.user)


def act(client: Client, name: str, who: Actor, **data: str) -> int:
    return client.post(reverse(name, args=[membership(who).pk]), data).status_code


ACTS: dict[str, dict[str, str]] = {
    "accounts:member_role": {"role": "viewer"},
    "accounts:member_suspend": {},
    "accounts:member_reinstate": {},
    "generations:member_remove": {},
}


def rows() -> list[Any]:
    return list(Membership.objects.order_by("pk").values())


@pytest.mark.parametrize("name", ACTS)
def test_only_leads_touch_members_and_a_stranger_gets_a_404(world: World, client_of: Any, name: str) -> None:
    before, audited = rows(), AuditEvent.objects.count()
    assert act(client_of("eve"), name, world.bob, **ACTS[name]) == 404
    assert act(client_of("bob"), name, world.vera, **ACTS[name]) == 403
    assert act(client_of("vera"), name, world.vera, **ACTS[name]) == 403
    assert client_of("alice").get(reverse(name, args=[membership(world.bob).pk])).status_code == 405
    assert (rows(), AuditEvent.objects.count()) == (before, audited)


@pytest.mark.parametrize("name", ACTS)
def test_an_admin_touches_no_owner(world: World, client_of: Any, name: str) -> None:
    become(world.bob, Role.ADMIN)
    before = rows()
    assert act(client_of("bob"), name, world.alice, **ACTS[name]) == 403
    assert rows() == before


def test_an_admin_makes_no_owner_of_anybody(world: World, client_of: Any) -> None:
    become(world.bob, Role.ADMIN)
    before = rows()
    for who in (world.vera, world.bob):
        assert act(client_of("bob"), "accounts:member_role", who, role="owner") == 403
    assert rows() == before
    assert act(client_of("bob"), "accounts:member_role", world.vera, role="admin") == 302
    assert membership(world.vera).role == Role.ADMIN


def test_a_role_that_does_not_exist_changes_nothing(world: World, client_of: Any) -> None:
    assert act(client_of("alice"), "accounts:member_role", world.bob, role="emperor") == 302
    assert membership(world.bob).role == Role.CREATOR


@pytest.mark.parametrize(
    "end",
    [
        lambda alice, its: team.change_role(alice, its, Role.ADMIN),
        team.suspend,
        team.remove,
        lambda alice, its: team.leave(alice),
    ],
    ids=["demoted", "suspended", "removed", "left"],
)
@pytest.mark.both_databases
def test_the_last_owner_stays(world: World, end: Callable[[Actor, Membership], None]) -> None:
    before, audited = rows(), AuditEvent.objects.count()
    with pytest.raises(team.Refused):
        end(world.alice, membership(world.alice))
    assert (rows(), AuditEvent.objects.count()) == (before, audited)


@pytest.mark.both_databases
def test_a_suspended_owner_is_not_the_one_who_stays(world: World) -> None:
    bob = become(world.bob, Role.OWNER)
    team.suspend(world.alice, membership(bob))
    with pytest.raises(team.Refused):
        team.leave(world.alice)
    team.reinstate(world.alice, membership(bob))
    team.leave(world.alice)
    assert not Membership.objects.filter(user=world.alice.user).exists()


@pytest.fixture
def two_owners(transactional_db: None) -> World:
    made = World.make()
    made.bob = become(made.bob, Role.OWNER)
    return made


def tried(call: Callable[[], None]) -> bool:
    try:
        call()
    except (team.Refused, team.NotAllowed):
        return False
    return True


RACES: dict[str, Callable[[World], list[Callable[[], None]]]] = {
    "both leave": lambda w: [lambda: team.leave(w.alice), lambda: team.leave(w.bob)],
    "each removes the other": lambda w: [
        lambda: team.remove(w.alice, membership(w.bob)),
        lambda: team.remove(w.bob, membership(w.alice)),
    ],
    "each suspends the other": lambda w: [
        lambda: team.suspend(w.alice, membership(w.bob)),
        lambda: team.suspend(w.bob, membership(w.alice)),
    ],
    "one steps down as the other leaves": lambda w: [
        lambda: team.change_role(w.alice, membership(w.alice), Role.VIEWER),
        lambda: team.leave(w.bob),
    ],
}


@pytest.mark.both_databases
@pytest.mark.parametrize("race", RACES)
def test_two_owners_at_the_same_moment_leave_one(two_owners: World, race: str) -> None:
    for _ in range(6):
        calls: list[Callable[[], bool]] = [partial(tried, call) for call in RACES[race](two_owners)]
        assert sum(at_once(calls, threads=2)) == 1
        owners = Membership.objects.active().filter(workspace=two_owners.alice.workspace, role=Role.OWNER)
        assert owners.count() == 1
        for who in (two_owners.alice, two_owners.bob):
            Membership.objects.update_or_create(
                user=who.user, workspace=who.workspace, defaults={"role": Role.OWNER, "suspended_at": None}
            )


@pytest.mark.both_databases
def test_whoever_was_demoted_meanwhile_manages_nobody(world: World) -> None:
    stale = become(world.bob, Role.ADMIN)
    team.change_role(world.alice, membership(world.bob), Role.CREATOR)
    with pytest.raises(team.NotAllowed):
        team.remove(stale, membership(world.vera))


@pytest.mark.parametrize("name", ["accounts:member_suspend", "generations:member_remove"])
def test_who_is_out_is_out_on_the_next_request_also_from_media(
    world: World, client_of: Any, name: str
) -> None:
    clip, bob = finished(world), client_of("bob")
    addresses = [
        reverse("generations:clip", args=[clip.pk]),
        reverse("generations:detail", args=[clip.pk]),
        reverse("generations:gallery"),
        reverse("accounts:members"),
    ]
    for address in addresses:
        response = bob.get(address)
        assert response.status_code == 200
        response.getvalue() if response.streaming else None
    pk = membership(world.bob).pk
    assert client_of("alice").post(reverse(name, args=[pk])).status_code == 302
    assert [bob.get(address).status_code for address in addresses] == [403] * 4
    inside = f"/w/{world.alice.workspace.pk}"
    assert [bob.get(inside + address).status_code for address in addresses] == [404] * 4


def test_a_suspended_member_comes_back_as_they_were(world: World, client_of: Any) -> None:
    alice, bob = client_of("alice"), client_of("bob")
    assert act(alice, "accounts:member_suspend", world.bob) == 302
    assert "Bob cannot get in until you let them in again." in alice.get("/team/").content.decode()
    assert bob.get(reverse("generations:create")).status_code == 403
    assert act(alice, "accounts:member_reinstate", world.bob) == 302
    assert bob.get(reverse("generations:create")).status_code == 200
    verbs = list(AuditEvent.objects.order_by("pk").values_list("verb", "detail__member"))
    assert verbs == [("member.suspended", "bob@example.com"), ("member.reinstated", "bob@example.com")]


def test_demotion_takes_the_button_and_the_address_on_the_next_request(world: World, client_of: Any) -> None:
    bob = client_of("bob")
    assert 'href="/create/"' in bob.get(reverse("generations:gallery")).content.decode()
    assert act(client_of("alice"), "accounts:member_role", world.bob, role="viewer") == 302
    assert 'href="/create/"' not in bob.get(reverse("generations:gallery")).content.decode()
    assert bob.get(reverse("generations:create")).status_code == 403
    event = AuditEvent.objects.get(verb="member.role")
    assert (event.before, event.after, event.acting_as) == ({"role": "creator"}, {"role": "viewer"}, "owner")


@pytest.mark.parametrize("way", ["removed", "left"])
def test_tokens_and_budget_end_and_private_clips_stay(world: World, client_of: Any, way: str) -> None:
    bob, workspace = world.bob, world.bob.workspace
    clip = finished(world)
    Generation.objects.filter(pk=clip.pk).update(author=bob.user, visibility=Visibility.PRIVATE)
    token, _ = ApiToken.draw(workspace=workspace, user=bob.user, name="script")
    token.save()
    Budget(workspace=workspace, member=bob.user, most=5, month=timezone.now().date().replace(day=1)).save()
    shown = reverse("generations:detail", args=[clip.pk])
    alice = client_of("alice")
    assert alice.get(shown).status_code == 404
    if way == "removed":
        assert act(alice, "generations:member_remove", bob) == 302
    else:
        response = client_of("bob").post(f"/w/{workspace.pk}{reverse('generations:leave')}")
        assert response["Location"] == "/"
    token.refresh_from_db()
    assert token.revoked_at
    assert not Budget.objects.exists()
    assert alice.get(shown).status_code == 200
    event = AuditEvent.objects.get(verb=f"member.{way}")
    assert (event.detail["member"], event.detail["tokens"]) == ("bob@example.com", 1)
    assert (AuditEvent.objects.get(verb="budget.dropped").before or {})["about"] == "Bob"
    assert AuditEvent.objects.get(verb="generation.handed_over").detail["clips"] == 1


def test_the_last_owner_is_told_on_the_page_and_keeps_what_is_private(world: World, client_of: Any) -> None:
    clip = finished(world)
    Generation.objects.filter(pk=clip.pk).update(visibility=Visibility.PRIVATE)
    page = client_of("alice").post(reverse("generations:leave"), follow=True).content.decode()
    assert "A workspace needs an owner." in page
    clip.refresh_from_db()
    assert clip.visibility == Visibility.PRIVATE
    assert membership(world.alice).role == Role.OWNER
    assert not AuditEvent.objects.filter(verb__in=["member.left", "generation.handed_over"]).exists()


def test_whoever_leaves_is_out_on_the_next_request(world: World, client_of: Any) -> None:
    vera = client_of("vera")
    assert vera.get(reverse("generations:leave")).status_code == 405
    assert vera.post(reverse("generations:leave")).status_code == 302
    assert vera.get(reverse("generations:gallery")).status_code == 403
    assert vera.get(f"/w/{world.alice.workspace.pk}/gallery/").status_code == 404


def test_a_link_made_before_lets_nobody_back_in(world: World) -> None:
    bob = become(world.bob, Role.ADMIN)
    links = [
        Invitation.objects.create(
            workspace=bob.workspace, role=role, invited_by=bob.user, expires_at=timezone.now()
        )
        for role in (Role.ADMIN, Role.VIEWER)
    ]
    team.change_role(world.alice, membership(bob), Role.CREATOR)
    for each in links:
        each.refresh_from_db()
        assert each.revoked_at


def test_the_page_shows_each_what_is_theirs_to_know(world: World, client_of: Any) -> None:
    pages = {
        name: client_of(name).get(reverse("accounts:members")).content.decode() for name in ("alice", "vera")
    }
    for page in pages.values():
        assert all(f"{name}@example.com" in page for name in ("alice", "bob", "vera"))
        assert "eve@example.com" not in page
    assert "Last sign-in" in pages["alice"]
    assert "Invite people" in pages["alice"]
    for word in ("Last sign-in", "Invite people", "/suspend/", "/remove/"):
        assert word not in pages["vera"]


def test_an_admin_sees_no_buttons_on_an_owner(world: World, client_of: Any) -> None:
    become(world.bob, Role.ADMIN)
    page = client_of("bob").get(reverse("accounts:members")).content.decode()
    assert reverse("accounts:member_suspend", args=[membership(world.vera).pk]) in page
    assert reverse("accounts:member_suspend", args=[membership(world.alice).pk]) not in page
    assert '<option value="owner"' not in page


def crowd(world: World, count: int) -> None:
    have = Membership.objects.filter(workspace=world.alice.workspace).count()
    workspace, month = world.alice.workspace, timezone.now().date().replace(day=1)
    for number in range(have, count):
        user = User.objects.create_user(f"m{number}@example.com", None, first_name=f"Same {number // 3}")
        Membership.objects.create(user=user, workspace=workspace)
        Budget(workspace=workspace, member=user, most=100, used=0, month=month).save()
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})
        Invitation.objects.create(
            workspace=workspace,
            email=f"i{number}@example.com",
            invited_by=user,
            expires_at=timezone.now() + timedelta(days=1),
        )
    Wallet.objects.filter(workspace=workspace).update(budgeted=True)


def test_the_page_costs_the_same_queries_for_ten_and_two_hundred(world: World, client_of: Any) -> None:
    alice, counts = client_of("alice"), []
    for people in (10, 200):
        crowd(world, people)
        with CaptureQueriesContext(connection) as captured:
            assert alice.get(reverse("accounts:members")).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[1] <= 10


@pytest.mark.both_databases
def test_paging_shows_everybody_once_by_name(world: World, client_of: Any) -> None:
    crowd(world, 130)
    alice, after, seen = client_of("alice"), "", []
    while True:
        context = alice.get(reverse("accounts:members"), {"after": after}).context
        seen += [row.membership.pk for row in context["rows"]]
        after = context["next"]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 130
    odd = alice.get(reverse("accounts:members"), {"after": "x:y:z", "invited": "x:y:z"}).context
    assert len(odd["rows"]) == 50
    found = alice.get(reverse("accounts:members"), {"q": "BOB@"}).context["rows"]
    assert [row.membership.user.email for row in found] == ["bob@example.com"]


def test_the_roles_page_is_the_policy(world: World, client_of: Any) -> None:
    page = client_of("vera").get(reverse("accounts:roles"))
    assert page.status_code == 200
    assert len(page.context["table"]) == page.content.decode().count('<th scope="row">')


def test_every_post_needs_its_token(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.alice.user)
    for name, data in ACTS.items():
        assert act(strict, name, world.bob, **data) == 403
    for name in ("generations:leave", "accounts:invite"):
        assert strict.post(reverse(name)).status_code == 403
    assert Membership.objects.filter(workspace=world.alice.workspace).count() == 3
