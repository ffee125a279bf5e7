"""Invitations: by mail, by sheet and by link, sent again and taken back; nobody gives more than they have."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import inviting
from accounts.inviting import Guest
from accounts.models import (
    AuditEvent,
    Invitation,
    Letter,
    Membership,
    Role,
)
from accounts.policy import Actor
from accounts.team import NotAllowed, Refused
from tests.accounts.test_races import at_once
from tests.world import World, actor

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
        ("ada@example.com\n\nADA@example.com\n", "Line 3: ada@example.com stands in line 1 already."),
        ("\n".join(f"p{number}@example.com" for number in range(51)), "At most 50 at once."),
        ("email,role,budget\n\n", "Nobody stands in this file."),
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
        ({"emails": "\u0130x@example.com"}, "emails"),  # in small letters it is none
        ({"emails": ""}, "emails"),
        ({"emails": ",".join(f"p{number}@example.com" for number in range(51))}, "emails"),
        ({"emails": "ada@example.com", "by": "link"}, "by"),
        ({"emails": "ada@example.com", "role": "emperor"}, "role"),
        ({"emails": "ada@example.com", "budget": "-1"}, "budget"),
        ({"emails": "ada@example.com", "days": "400"}, "days"),
        ({"emails": "BOB@example.com"}, "emails"),
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


@pytest.mark.both_databases
def test_the_same_address_invited_by_two_at_once_is_invited_once(transactional_db: None) -> None:
    world = World.make()

    def tried() -> bool:
        try:
            return bool(invite(world.alice, "ada@example.com"))
        except Refused:
            return False

    assert sum(at_once([tried] * 4, threads=4)) == 1
    assert Letter.objects.count() == 1


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
