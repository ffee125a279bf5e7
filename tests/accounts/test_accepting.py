"""Accepting: once, by whom it is meant for, with an account or a new one; what is the matter is said."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import inviting, workspaces
from accounts.models import (
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
)
from accounts.team import NotAllowed, Refused
from generations import orders
from tests.accounts.test_invitations import address, invite, mailed
from tests.accounts.test_races import at_once
from tests.world import PASSWORD, World, actor, order


@pytest.fixture(autouse=True)
def _no_limits_from_other_tests() -> None:
    cache.clear()


def test_somebody_with_an_account_joins_with_role_and_budget(world: World, client_of: Any) -> None:
    wallet = world.alice.workspace.wallet
    before = orders.place(world.alice, order(world.alice))[0]
    Hold.objects.update(spender=world.eve.user)  # they were here before
    invitation = invite(world.alice, "eve@example.com", Role.VIEWER, 40)
    eve = client_of("eve")
    assert "Join Northlight" in eve.get(address(invitation)).content.decode()
    response = eve.post(address(invitation))
    assert response["Location"] == f"/w/{world.alice.workspace.pk}/"
    assert eve.get(response["Location"], follow=True).status_code == 200
    membership = Membership.objects.get(user=world.eve.user, workspace=world.alice.workspace)
    assert membership.role == Role.VIEWER
    budget = Budget.objects.get(member=world.eve.user)
    assert (budget.most, budget.spent(), budget.beyond) == (40, before.cost, Budget.Beyond.REFUSE)
    assert Wallet.objects.get(pk=wallet.pk).budgeted
    event = AuditEvent.objects.get(verb="member.joined")
    assert (event.actor, event.after) == (world.eve.user, {"role": "viewer", "budget": 40})
    assert "Eve accepted" in Notification.objects.get(user=world.alice.user).text


def test_looking_changes_nothing(world: World, client_of: Any) -> None:
    invitation = invite(world.alice, "eve@example.com")
    before = list(Invitation.objects.values())
    for client in (Client(), client_of("eve"), client_of("bob")):
        client.get(address(invitation))
        client.head(address(invitation))
    assert list(Invitation.objects.values()) == before
    assert Membership.objects.count() == 4


ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"expires_at": timezone.now() - timedelta(days=1)}, "has expired"),
    "revoked": ({"revoked_at": timezone.now()}, "was taken back"),
}


@pytest.mark.parametrize("end", [*ENDS, "used", "closed"])
def test_what_ended_says_so_and_lets_nobody_in(world: World, client_of: Any, end: str) -> None:
    invitation = invite(world.alice)
    said = {"used": "used already", "closed": "was closed"}.get(end) or ENDS[end][1]
    if end == "used":
        dora = User.objects.create_user("dora@example.com", PASSWORD)
        inviting.accept(dora, invitation)
    elif end == "closed":
        type(world.alice.workspace).objects.filter(pk=invitation.workspace_id).update(
            closed_at=timezone.now()
        )
    else:
        Invitation.objects.update(**ENDS[end][0])
    before = Membership.objects.count()
    for client in (client_of("eve"), Client()):
        for response in (client.get(address(invitation)), client.post(address(invitation))):
            assert response.status_code == 410
            assert said in response.content.decode()
    assert Membership.objects.count() == before


@pytest.mark.parametrize("word", ["nonsense", "a:b:c", "x" * 400])
def test_a_word_that_is_not_ours_is_a_404(world: World, word: str) -> None:
    assert Client().get(f"/invitations/{word}/").status_code == 404
    assert Client().post(f"/invitations/{word}/").status_code == 404


def test_the_wrong_account_is_told_whose_it_is_and_can_sign_out(world: World, client_of: Any) -> None:
    invitation, eve = invite(world.alice, "ada@example.com"), client_of("eve")
    for response in (eve.get(address(invitation)), eve.post(address(invitation))):
        page = response.content.decode()
        assert "ada@example.com" in page
        assert "eve@example.com" in page
        assert "Join" not in page
    assert Membership.objects.filter(user=world.eve.user).count() == 1
    out = eve.post(reverse("account_logout"), {"next": address(invitation)})
    assert out["Location"] == address(invitation)
    assert "Create an account" in eve.get(address(invitation)).content.decode()


def test_a_proven_further_address_is_as_good_and_an_unproven_one_is_not(world: World, client_of: Any) -> None:
    invitation = invite(world.alice, "ada@example.com")
    other = EmailAddress.objects.create(user=world.eve.user, email="Ada@example.com", verified=False)
    with pytest.raises(NotAllowed):
        inviting.accept(world.eve.user, invitation)
    EmailAddress.objects.filter(pk=other.pk).update(verified=True)
    assert inviting.accept(world.eve.user, invitation).role == Role.CREATOR


def test_a_member_is_told_and_the_link_stays_good_for_somebody_else(world: World, client_of: Any) -> None:
    invitation, bob = invite(world.alice), client_of("bob")
    assert "You are in" in bob.get(address(invitation)).content.decode()
    assert "You are in" in bob.post(address(invitation)).content.decode()
    assert client_of("eve").post(address(invitation)).status_code == 302


@pytest.mark.both_databases
def test_two_people_at_once_with_one_link_one_joins(transactional_db: None) -> None:
    world = World.make()
    people = [User.objects.create_user(f"p{number}@example.com", None) for number in range(6)]
    invitation = invite(world.alice, budget=5)

    def accept(user: User) -> bool:
        try:
            return bool(inviting.accept(user, invitation))
        except Refused:
            return False

    calls: list[Callable[[], bool]] = [partial(accept, user) for user in people]
    assert sum(at_once(calls, threads=len(people))) == 1
    assert Membership.objects.filter(user__in=people).count() == 1
    assert Budget.objects.count() == 1


@pytest.mark.both_databases
def test_taken_back_at_the_moment_it_is_accepted_is_one_of_the_two(transactional_db: None) -> None:
    world = World.make()
    for _ in range(5):
        invitation = invite(world.alice)

        def tried(verb: Any, who: Any, which: Invitation = invitation) -> bool:
            try:
                verb(who, which)
            except Refused:
                return False
            return True

        done = at_once(
            [
                lambda: tried(inviting.accept, world.eve.user),
                lambda: tried(inviting.revoke, world.alice),
            ],
            threads=2,
        )
        joined = Membership.objects.filter(user=world.eve.user, workspace=world.alice.workspace)
        assert sum(done) == 1
        assert joined.exists() == done[0]
        joined.delete()


# ── New people ──────────────────────────────────────────────────────────────────────────────────

NEW = {"first_name": "Grace", "email": "grace@example.com", "password1": PASSWORD}


def test_somebody_new_with_a_mailed_link_needs_no_second_mail(world: World, settings: Any) -> None:
    invite(world.alice, "grace@example.com")
    here, client = mailed(Letter.objects.get()), Client()
    to = client.post(here)["Location"]
    assert to.startswith(reverse("account_signup"))
    assert 'value="grace@example.com"' in client.get(to).content.decode()
    response = client.post(to, NEW | {"next": here})
    assert response["Location"] == here
    assert mail.outbox == []
    assert client.post(here).status_code == 302
    grace = User.objects.get(email="grace@example.com")
    assert Membership.objects.filter(user=grace, workspace=world.alice.workspace).exists()
    assert EmailAddress.objects.get(user=grace).verified
    assert (
        Wallet.objects.get(workspace__memberships__user=grace, workspace__personal=True).posted
        == settings.WELCOME_CREDITS
    )


@pytest.mark.parametrize("page", ["account_signup", "account_login"])
def test_the_door_says_which_workspace_waits_behind_it(world: World, page: str) -> None:
    invitation = invite(world.alice)
    here, client = address(invitation), Client()

    def told(to: str) -> bool:
        return "Northlight" in client.get(reverse(page), {"next": to}).content.decode()

    assert told(here)
    assert "Northlight" in client.post(reverse(page), {"next": here}).content.decode()
    assert not told(f"{here[:-2]}x/")
    assert not told("/gallery/")
    assert not told("https://[")
    inviting.revoke(world.alice, invitation)
    assert not told(here)


def test_somebody_new_with_a_link_for_anybody_proves_their_address_first(world: World) -> None:
    here, client = address(invite(world.alice)), Client()
    to = client.post(here)["Location"]
    response = client.post(to, NEW | {"next": here})
    assert response["Location"] == reverse("account_email_verification_sent")
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    browser = Client()  # another one: where they were going stands in the mail
    assert f'name="next" value="{here}"' in browser.get(link[0]).content.decode()
    assert browser.post(link[0])["Location"] == here
    sign_in = {"login": NEW["email"], "password": PASSWORD, "next": here}
    assert browser.post(reverse("account_login"), sign_in)["Location"] == here
    assert browser.post(here)["Location"] == f"/w/{world.alice.workspace.pk}/"


def test_an_invited_address_proves_no_other(world: World) -> None:
    invite(world.alice, "grace@example.com")
    here, client = mailed(Letter.objects.get()), Client()
    to = client.post(here)["Location"]
    client.post(to, NEW | {"email": "other@example.com"})
    assert not EmailAddress.objects.filter(email="other@example.com", verified=True).exists()


def test_whoever_has_an_account_is_sent_to_sign_in(world: World) -> None:
    invite(world.alice, "eve@example.com")
    to = Client().post(mailed(Letter.objects.get()))["Location"]
    assert to.startswith(reverse("account_login"))


def test_a_budget_of_the_new_member_binds_them(world: World) -> None:
    dora = User.objects.create_user("dora@example.com", PASSWORD)
    inviting.accept(dora, invite(world.alice, budget=1))
    with pytest.raises(orders.OverBudget):
        orders.place(actor(dora), order(actor(dora)))


def test_who_was_removed_does_not_come_back_by_a_link_that_they_saw(world: World, client_of: Any) -> None:
    Membership.objects.filter(user=world.bob.user).update(role=Role.ADMIN)
    seen, mailed = invite(world.alice, role=Role.ADMIN), invite(world.alice, "ida@example.com")
    bob = client_of("bob")
    assert address(seen) in bob.get("/team/").content.decode()
    mine = Membership.objects.get(user=world.bob.user, workspace=world.alice.workspace)
    client_of("alice").post(f"/team/members/{mine.pk}/remove/")
    bob.post(address(seen))
    assert not Membership.objects.filter(user=world.bob.user, workspace=world.alice.workspace).exists()
    assert Invitation.objects.filter(pk=mailed.pk, revoked_at=None).exists()


def test_a_link_to_own_the_workspace_ends_with_the_ownership_of_who_saw_it(world: World) -> None:
    heir = Membership.objects.get(user=world.bob.user, workspace=world.alice.workspace)
    workspaces.transfer(world.alice, heir)
    bob = actor(world.bob.user)
    owning, managing = invite(bob, role=Role.OWNER), invite(bob, role=Role.ADMIN)
    back = Membership.objects.get(user=world.alice.user, workspace=world.alice.workspace)
    workspaces.transfer(bob, back)
    assert set(Invitation.objects.filter(revoked_at=None)) == {managing}, owning


def test_a_link_outlives_those_who_never_saw_it(world: World, client_of: Any) -> None:
    link = invite(world.alice)
    mine = Membership.objects.get(user=world.vera.user, workspace=world.alice.workspace)
    client_of("alice").post(f"/team/members/{mine.pk}/suspend/")
    assert Invitation.objects.filter(pk=link.pk, revoked_at=None).exists()
