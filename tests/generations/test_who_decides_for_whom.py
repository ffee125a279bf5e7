"""What waits for a decision while its author, its workspace or its visibility changes."""

from dataclasses import replace
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import workspaces
from accounts.models import Letter, Membership, Notification, Role, User
from generations import orders, parking
from generations.approvals import approve, deny, lapse
from generations.models import Generation, State, Visibility
from generations.sharing import set_visibility
from tests.generations.test_approvals import limit, parked
from tests.world import World, order

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_nothing_is_parked_in_a_workspace_that_was_closed_meanwhile(world: World, monkeypatch: Any) -> None:
    limit(world, 10, member=world.bob.user)
    wanted, park = order(world.bob), parking.park

    def after_closing(*args: Any) -> bool:
        workspaces.close(world.alice, world.alice.workspace.name)
        return park(*args)

    monkeypatch.setattr(parking, "park", after_closing)
    with pytest.raises(orders.Refused):
        orders.place(world.bob, wanted)
    assert not Generation.objects.exists()
    assert not Letter.objects.exists()


def test_what_was_approved_and_is_private_now_is_not_read_in_the_history(
    world: World, client_of: Any
) -> None:
    first = parked(world)
    approve(world.alice, first)
    first.refresh_from_db()
    assert set_visibility(world.bob, first, Visibility.PRIVATE)
    Membership.objects.filter(user=world.vera.user).update(role=Role.BILLING)
    page = client_of("vera").get(reverse("generations:approvals")).content.decode()
    assert first.prompt not in page
    assert "A private clip" in page


@pytest.mark.parametrize("end", ["removed", "suspended", "deactivated"])
@pytest.mark.parametrize("verb", ["denied", "lapsed"])
def test_who_is_out_is_not_told_what_was_decided(world: World, end: str, verb: str) -> None:
    first = parked(world)
    mine = Membership.objects.filter(user=world.bob.user)
    if end == "removed":
        mine.delete()
    elif end == "suspended":
        mine.update(suspended_at=timezone.now())
    else:
        User.objects.filter(pk=world.bob.user.pk).update(is_active=False)
    before = Letter.objects.count()
    if verb == "denied":
        deny(world.alice, first, "Not this month")
    else:
        lapse(first)
    first.refresh_from_db()
    assert first.state == State.CANCELLED
    assert not Notification.objects.filter(user=world.bob.user).exists()
    assert Letter.objects.count() == before


def test_a_token_of_a_demoted_maker_orders_nothing_that_was_parked(world: World) -> None:
    first = parked(world)
    Membership.objects.filter(user=world.bob.user).update(role=Role.VIEWER)
    with pytest.raises(orders.NotAllowed):
        approve(world.alice, first)
    with pytest.raises(orders.NotAllowed):
        orders.place(replace(world.bob, role=Role.VIEWER), order(world.bob))


def test_a_viewer_does_not_read_a_colleagues_budget(world: World, client_of: Any) -> None:
    limit(world, 33, member=world.bob.user)
    parked(world)
    assert client_of("vera").get(reverse("generations:budgets")).status_code == 403
    shown = {
        who: client_of(who).get(reverse("generations:queue")).content.decode()
        for who in ("vera", "bob", "alice")
    }
    assert {who for who, page in shown.items() if "budget of 33 credits" in page} == {"bob", "alice"}
    assert "Over a budget" in shown["vera"]


def test_the_bell_does_not_quote_what_is_private_now(world: World, client_of: Any) -> None:
    limit(world, 10, member=world.bob.user)
    made = orders.place(world.bob, order(world.bob, prompt="Secret merger film"))[0]
    approve(world.alice, made)
    made.refresh_from_db()
    assert "Secret merger" in client_of("alice").get(reverse("accounts:bell")).content.decode()
    assert set_visibility(world.bob, made, Visibility.PRIVATE)
    assert "Secret merger" not in client_of("alice").get(reverse("accounts:bell")).content.decode()
    assert "Secret merger" in client_of("bob").get(reverse("accounts:bell")).content.decode()
