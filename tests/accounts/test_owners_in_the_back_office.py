"""The back office changes members too, and leaves no workspace without an owner."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import inviting, letters
from accounts.inviting import Guest
from accounts.models import Invitation, Membership, Role, User
from tests.world import World, actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(world: World, settings: Any) -> Client:
    settings.STAFF_MFA = False
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", "root root root"))
    return client


def posted(world: World, *changes: dict[str, Any], new: dict[str, Any] | None = None) -> dict[str, Any]:
    rows = list(Membership.objects.filter(workspace=world.alice.workspace).order_by("pk"))
    form: dict[str, Any] = {
        "name": "Northlight",
        "share": "1",
        "memberships-INITIAL_FORMS": len(rows),
        "memberships-TOTAL_FORMS": len(rows) + bool(new),
    }
    for place, row in enumerate(rows):
        values = {"id": row.pk, "workspace": row.workspace_id, "user": row.user_id, "role": row.role}
        for change in changes:
            values |= change if change.get("id") == row.pk else {}
        form |= {f"memberships-{place}-{name}": value for name, value in values.items()}
    for name, value in (new or {}).items():
        form[f"memberships-{len(rows)}-{name}"] = value
    return form


def member(world: World, name: str) -> Membership:
    return Membership.objects.get(user__email=f"{name}@example.com", workspace=world.alice.workspace)


@pytest.mark.parametrize(
    "change",
    [{"role": "admin"}, {"suspended_at_0": "2026-01-01", "suspended_at_1": "10:00:00"}],
    ids=["demoted", "suspended"],
)
def test_the_last_owner_stays_in_the_back_office_too(
    world: World, root: Client, change: dict[str, Any]
) -> None:
    address = reverse("admin:accounts_workspace_change", args=[world.alice.workspace.pk])
    alice = member(world, "alice")
    answer = root.post(address, posted(world, {"id": alice.pk, **change}))
    assert answer.status_code == 200
    assert "needs an owner" in answer.content.decode()
    assert member(world, "alice").role == Role.OWNER
    bob = {"id": member(world, "bob").pk, "role": "owner"}
    assert root.post(address, posted(world, bob)).status_code == 302
    assert root.post(address, posted(world, {"id": alice.pk, **change})).status_code == 302


def test_a_membership_is_not_made_somebody_elses(world: World, root: Client) -> None:
    address = reverse("admin:accounts_workspace_change", args=[world.alice.workspace.pk])
    bob = member(world, "bob")
    root.post(address, posted(world, {"id": bob.pk, "user": world.eve.user.pk}))
    assert Membership.objects.get(pk=bob.pk).user == world.bob.user


@pytest.mark.parametrize(
    "change",
    [{"role": "viewer"}, {"suspended_at_0": "2026-01-01", "suspended_at_1": "10:00:00"}],
    ids=["demoted", "suspended"],
)
def test_who_may_less_takes_their_invitations_along(
    world: World, root: Client, change: dict[str, Any]
) -> None:
    Membership.objects.filter(user=world.bob.user).update(role=Role.ADMIN)
    week = timezone.now() + timedelta(days=7)
    bob = member(world, "bob")
    address = reverse("admin:accounts_workspace_change", args=[world.alice.workspace.pk])
    theirs = inviting.invite(actor(bob.user), [Guest("", Role.ADMIN)], expires_at=week)[0]
    seen = inviting.invite(world.alice, [Guest("", Role.ADMIN)], expires_at=week)[0]
    mailed = inviting.invite(world.alice, [Guest("ida@example.com", Role.ADMIN)], expires_at=week)[0]
    assert root.post(address, posted(world, {"id": bob.pk, **change})).status_code == 302
    assert set(Invitation.objects.filter(revoked_at=None)) == {mailed}, (theirs, seen)


def test_the_only_owner_is_not_deactivated_and_nobody_deleted(world: World, root: Client) -> None:
    owner = world.alice.user
    address = reverse("admin:accounts_user_change", args=[owner.pk])
    values = {"email": owner.email, "first_name": "Alice", "last_name": ""}
    answer = root.post(address, values)
    assert answer.status_code == 200
    assert "only owner of Northlight" in answer.content.decode()
    assert (
        root.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"}).status_code == 403
    )
    all_at_once = {"action": "delete_selected", "_selected_action": [world.vera.user.pk], "post": "yes"}
    root.post(reverse("admin:accounts_user_changelist"), all_at_once)
    assert User.objects.filter(pk=world.vera.user.pk).exists()
    Membership.objects.filter(user=world.bob.user).update(role=Role.OWNER)
    assert root.post(address, values).status_code == 302
    owner.refresh_from_db()
    assert not owner.is_active


def test_what_stands_in_a_letter_is_not_found_out_by_filtering(world: World, root: Client) -> None:
    letters.write("ida@example.com", "approval_denied", {"prompt": "A secret lighthouse"})
    listed = reverse("admin:accounts_letter_changelist")
    assert "ida@example.com" in root.get(listed).content.decode()
    for words in ("A secret", "no such word"):
        assert root.get(listed, {"text__contains": words}).status_code == 400
    assert root.get(reverse("admin:mfa_authenticator_changelist"), {"data__contains": "a"}).status_code == 400
