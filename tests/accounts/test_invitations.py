"""Invitations: by mail, by sheet and by link; once; told in words what is the matter; nobody gives more."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import inviting
from accounts.inviting import Guest
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
from accounts.policy import Actor
from accounts.team import NotAllowed, Refused
from generations import orders
from tests.accounts.test_races import at_once
from tests.world import PASSWORD, World, actor, order

FORM = {"by": "mail", "emails": "", "role": "creator", "budget": "", "days": "7"}


@pytest.fixture(autouse=True)
def _no_limits_from_other_tests() -> None:
    cache.clear()


def week() -> Any:
    return timezone.now() + timedelta(days=7)


def invite(who: Actor, email: str = "", role: Role = Role.CREATOR, budget: int | None = None) -> Invitation:
    return inviting.invite(who, [Guest(email, role, budget)], expires_at=week())[0]


def address(invitation: Invitation) -> str:
    return reverse("accounts:invitation", args=[invitation.word])


def send(client: Client, **changes: Any) -> Any:
    return client.post(reverse("accounts:invite"), FORM | changes)


def mailed(letter: Letter) -> str:
    found = re.search(r"/invitations/\S+", letter.text)
    assert found
    return found[0]


# ── Sending ─────────────────────────────────────────────────────────────────────────────────────


def test_several_addresses_get_a_letter_each_with_a_link_of_their_own(world: World, client_of: Any) -> None:
    response = send(
        client_of("alice"), emails="Ada@Example.com, grace@example.com\nlin@example.com", budget="40"
    )
    assert response.status_code == 302
    made = Invitation.objects.order_by("email")
    assert [(each.email, each.role, each.budget) for each in made] == [
        (f"{name}@example.com", "creator", 40) for name in ("ada", "grace", "lin")
    ]
    letters = {letter.to: letter for letter in Letter.objects.all()}
    assert set(letters) == {each.email for each in made}
    assert len({mailed(letter) for letter in letters.values()}) == 3
    assert "Northlight" in letters["ada@example.com"].subject
    assert AuditEvent.objects.filter(verb="invitation.sent").count() == 3


@pytest.mark.parametrize(
    "sheet",
    [
        "email,role,budget\nada@example.com,viewer,40\ngrace@example.com,,\n",
        "\ufeffE-mail;Role;Budget\r\nada@example.com;Viewer;40\r\n\r\ngrace@example.com\r\n",
        "ada@example.com\tviewer\t40\ngrace@example.com\t\t\n",
    ],
)
def test_a_sheet_says_role_and_budget_of_each(world: World, client_of: Any, sheet: str) -> None:
    file = SimpleUploadedFile("team.csv", sheet.encode())
    assert send(client_of("alice"), sheet=file, role="billing").status_code == 302
    made = Invitation.objects.order_by("email").values_list("email", "role", "budget")
    assert list(made) == [("ada@example.com", "viewer", 40), ("grace@example.com", "billing", None)]


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("email\nada@example.com\nnonsense\n", "Line 3: “nonsense” is not an address."),
        ("ada@example.com,emperor\n", "Line 1: “emperor” is no role that you can give."),
        ("ada@example.com,viewer,-4\n", "Line 1: “-4” is not a whole number of credits."),
        ("ada@example.com,viewer,4,5\n", "Line 1: it has more than three columns."),
        ("ada@example.com\nADA@example.com\n", "ada@example.com is there twice."),
        ("\n".join(f"p{number}@example.com" for number in range(51)), "At most 50 at once."),
        ("a\0b", "This is not a CSV file in UTF-8."),
        (b"\xff\xfe\x00", "This is not a CSV file in UTF-8."),
    ],
)
def test_a_sheet_with_a_wrong_line_says_which_and_invites_nobody(
    world: World, client_of: Any, sheet: Any, said: str
) -> None:
    content = sheet if isinstance(sheet, bytes) else sheet.encode()
    response = send(
        client_of("alice"), sheet=SimpleUploadedFile("team.csv", content), emails="lin@example.com"
    )
    assert response.status_code == 422
    assert said in response.context["form"].errors["sheet"]
    assert "lin@example.com" in response.content.decode()
    assert not Invitation.objects.exists()
    assert not Letter.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"emails": "nonsense"}, "emails"),
        ({"emails": ""}, "emails"),
        ({"emails": ",".join(f"p{number}@example.com" for number in range(51))}, "emails"),
        ({"emails": "ada@example.com", "by": "link"}, "by"),
        ({"emails": "ada@example.com", "role": "emperor"}, "role"),
        ({"emails": "ada@example.com", "budget": "-1"}, "budget"),
        ({"emails": "ada@example.com", "days": "400"}, "days"),
        ({"emails": "BOB@example.com"}, "__all__"),
        ({"emails": "ada@example.com\r\nBcc: eve@example.com"}, "emails"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nobody_is_invited(
    world: World, client_of: Any, changes: dict[str, str], field: str
) -> None:
    response = send(client_of("alice"), **changes)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert not Invitation.objects.exists()


def test_only_leads_invite_and_nobody_gives_more_than_they_have(world: World, client_of: Any) -> None:
    for name in ("bob", "vera"):
        assert send(client_of(name), emails="ada@example.com").status_code == 403
        assert client_of(name).get(reverse("accounts:invite")).status_code == 403
    Membership.objects.filter(user=world.bob.user).update(role=Role.ADMIN)
    assert send(client_of("bob"), emails="ada@example.com", role="owner").status_code == 422
    with pytest.raises(NotAllowed):
        invite(actor(world.bob.user), "ada@example.com", Role.OWNER)
    assert send(client_of("bob"), emails="ada@example.com", role="admin").status_code == 302
    assert Invitation.objects.get().role == Role.ADMIN


def test_the_same_address_is_invited_once_until_it_expires(world: World) -> None:
    first = invite(world.alice, "ada@example.com")
    with pytest.raises(Refused, match="Invited already"):
        invite(world.alice, "ada@example.com")
    Invitation.objects.update(expires_at=timezone.now())
    invite(world.alice, "ada@example.com")
    first.refresh_from_db()
    assert first.revoked_at


def test_invitations_are_bounded(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(inviting, "MOST_PENDING", 2)
    invite(world.alice)
    held = invite(world.alice)
    with pytest.raises(Refused, match="At most 2"):
        invite(world.alice)
    inviting.revoke(world.alice, held)
    monkeypatch.setattr(inviting, "MOST_A_DAY", 2)
    with pytest.raises(Refused, match="in a day"):
        invite(world.alice)


# ── Sending again, taking back ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["invitation_resend", "invitation_revoke"])
def test_another_tenants_invitation_is_a_404_and_a_creator_may_not(
    world: World, client_of: Any, name: str
) -> None:
    invitation = invite(world.alice, "ada@example.com")
    before = list(Invitation.objects.values())
    where = reverse(f"accounts:{name}", args=[invitation.pk])
    assert client_of("eve").post(where).status_code == 404
    assert client_of("bob").post(where).status_code == 403
    assert client_of("alice").get(where).status_code == 405
    assert list(Invitation.objects.values()) == before
    assert Letter.objects.count() == 1


def test_sending_again_voids_the_link_before(world: World, client_of: Any) -> None:
    invitation = invite(world.alice, "ada@example.com")
    old = address(invitation)
    assert (
        client_of("alice").post(reverse("accounts:invitation_resend", args=[invitation.pk])).status_code
        == 302
    )
    assert Client().get(old).status_code == 404
    newest = Letter.objects.order_by("-created_at").first()
    assert newest
    assert Client().get(mailed(newest)).status_code == 200


def test_sending_again_ends_some_day(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(inviting, "MOST_LETTERS", 2)
    invitation = invite(world.alice, "ada@example.com")
    inviting.resend(world.alice, invitation)
    with pytest.raises(Refused, match="often enough"):
        inviting.resend(world.alice, invitation)


def test_only_a_link_is_shown_to_copy_and_only_to_who_could_give_it(world: World, client_of: Any) -> None:
    link, owners = invite(world.alice), invite(world.alice, role=Role.OWNER)
    mailed_one = invite(world.alice, "ada@example.com")
    Membership.objects.filter(user=world.bob.user).update(role=Role.ADMIN)
    seen = client_of("alice").get(reverse("accounts:members")).content.decode()
    assert link.word in seen
    assert owners.word in seen
    assert mailed_one.word not in seen
    admins = client_of("bob").get(reverse("accounts:members")).content.decode()
    assert link.word in admins
    assert owners.word not in admins
    assert "ada@example.com" not in client_of("vera").get(reverse("accounts:members")).content.decode()


# ── Accepting ───────────────────────────────────────────────────────────────────────────────────


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
    assert "Make an account" in eve.get(address(invitation)).content.decode()


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

    calls = [lambda user=user: accept(user) for user in people]  # type: ignore[misc]  # bound now
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
    with pytest.raises(orders.NotEnough):
        orders.place(actor(dora), order(actor(dora)))
