"""Whatever staff and operators do to people, members, workspaces and credits is in the audit trail."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Membership, User
from tests import factors
from tests.world import PASSWORD, World


@pytest.fixture
def root(world: World) -> Client:
    user = User.objects.create_superuser("root@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return factors.sign_in(Client(), user)


def last() -> AuditEvent:
    return AuditEvent.objects.order_by("-id")[0]


def save_workspace(root: Client, world: World, **changes: Any) -> None:
    """The page of Northlight as it is, with these changes."""
    workspace = world.alice.workspace
    address = reverse("admin:accounts_workspace_change", args=[workspace.pk])
    form = root.get(address).context["adminform"].form
    formset = root.get(address).context["inline_admin_formsets"][0].formset
    data = {name: form[name].value() for name in form.fields}
    for each in (formset.management_form, *formset.forms):
        data |= {each.add_prefix(name): each[name].value() for name in each.fields}
    data = {name: value for name, value in data.items() if value not in (None, False)}
    response = root.post(address, data | changes)
    assert response.status_code == 302, response.context["errors"]


def place_of(root: Client, world: World, who: str) -> str:
    """The prefix of somebody's row in the table of members."""
    address = reverse("admin:accounts_workspace_change", args=[world.alice.workspace.pk])
    formset = root.get(address).context["inline_admin_formsets"][0].formset
    user = getattr(world, who).user
    return next(str(form.prefix) for form in formset.forms if form.instance.user_id == user.pk)


def test_a_role_changed_by_staff_is_in_the_workspaces_trail(root: Client, world: World) -> None:
    save_workspace(root, world, **{f"{place_of(root, world, 'vera')}-role": "admin"})
    event = last()
    assert (event.verb, event.acting_as, event.workspace) == (
        "member.changed",
        "staff",
        world.alice.workspace,
    )
    assert (event.before, event.after) == ({"role": "viewer"}, {"role": "admin"})
    assert (event.actor.email, event.detail) == ("root@example.com", {"member": "vera@example.com"})  # type: ignore[union-attr]


def test_a_member_added_by_staff_is_written_down_and_none_can_be_removed_here(
    root: Client, world: World
) -> None:
    save_workspace(root, world, **{f"{place_of(root, world, 'vera')}-DELETE": "on"})
    assert world.vera.user.memberships.exists()
    prefix = "memberships-3"
    save_workspace(root, world, **{f"{prefix}-user": world.eve.user.pk, f"{prefix}-role": "owner"})
    assert (last().verb, last().detail) == ("member.added", {"member": "eve@example.com"})
    assert Membership.objects.filter(user=world.eve.user, workspace=world.alice.workspace).exists()


def test_a_workspace_renamed_by_staff_is_written_down(root: Client, world: World) -> None:
    save_workspace(root, world, name="Southlight")
    assert (last().verb, last().before, last().after) == (
        "workspace.changed",
        {"name": "Northlight"},
        {"name": "Southlight"},
    )
    count = AuditEvent.objects.count()
    save_workspace(root, world)
    assert AuditEvent.objects.count() == count


def test_rights_and_passwords_given_by_staff_are_written_down_without_the_password(
    root: Client, world: World
) -> None:
    vera = world.vera.user
    rights = {"email": vera.email, "first_name": "Vera", "is_active": "on", "is_staff": "on"}
    assert root.post(reverse("admin:accounts_user_change", args=[vera.pk]), rights).status_code == 302
    assert (last().verb, last().before, last().after) == (
        "user.changed",
        {"is_staff": False},
        {"is_staff": True},
    )
    secret = "a long and new one 77"
    sent = {"password1": secret, "password2": secret, "usable_password": "true"}
    root.post(reverse("admin:auth_user_password_change", args=[vera.pk]), sent)
    assert last().verb == "user.password_set"
    assert secret not in str(AuditEvent.objects.values())
    vera.refresh_from_db()
    assert vera.password not in str(list(AuditEvent.objects.values()))


def test_people_made_by_staff_are_written_down(root: Client, world: World) -> None:
    sent = {
        "email": "new@example.com",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    root.post(reverse("admin:accounts_user_add"), sent)
    assert (last().verb, last().detail) == ("user.created", {"name": "new@example.com"})


@pytest.mark.both_databases
def test_credits_by_hand_say_by_whom_why_and_what_the_balance_was(world: World) -> None:
    name = str(world.alice.workspace.pk)
    call_command("credits", "grant", name, "50", "--reason", "Invoice 7")
    event = last()
    assert (event.verb, event.acting_as, event.workspace) == (
        "credits.grant",
        "operator",
        world.alice.workspace,
    )
    assert (event.before, event.after) == ({"balance": 1000}, {"balance": 1050})
    assert event.detail["reason"] == "Invoice 7"
    count = AuditEvent.objects.count()
    with pytest.raises(CommandError):
        call_command("credits", "adjust", name, "-5000", "--reason", "Too much")
    assert AuditEvent.objects.count() == count
