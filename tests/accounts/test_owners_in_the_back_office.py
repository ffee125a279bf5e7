"""The back office changes members too, and leaves no workspace without an owner."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, User
from tests.world import World

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
