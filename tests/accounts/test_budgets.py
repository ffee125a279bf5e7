"""Budgets: what fits is held, what does not is not, and what is counted is what the holds say."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import team
from accounts.books import LEDGER, broken
from accounts.budgets import AlreadySet, Gone, change, drop, for_new_member, set_budget
from accounts.models import AuditEvent, Budget, Hold, LedgerEntry, Membership, Role, Wallet
from accounts.models.budget import month_of
from accounts.policy import Actor
from tests.world import World

pytestmark = [pytest.mark.both_databases, pytest.mark.breaks_invariants]  # holds without a generation

REFUSE, ASK = Budget.Beyond.REFUSE, Budget.Beyond.ASK


def limit(world: World, most: int, **about: Any) -> Budget:
    """A budget that the owner sets."""
    return set_budget(world.alice, Budget(most=most, **about))


def spend(who: Actor, amount: int, *, approved: bool = False, **about: Any) -> Hold | None:
    """A hold of this person's, if it was taken."""
    hold = Hold(amount=amount, spender=who.user, role=who.role.value, **about)
    wallet = Wallet.objects.get(workspace=who.workspace)
    return hold if wallet.hold([hold], approved=approved) else None


def used(budget: Budget) -> int:
    """As the database has it, after the books were audited."""
    assert not list(broken(LEDGER))
    budget.refresh_from_db()
    return budget.used


def last_month() -> date:
    return month_of(timezone.now()).replace(day=1) - timedelta(days=1)


def test_a_budget_is_filled_to_the_last_credit_and_no_further(world: World) -> None:
    budget = limit(world, 100)
    assert spend(world.alice, 60)
    assert not spend(world.bob, 41)
    assert spend(world.bob, 40)
    assert not spend(world.alice, 1)
    assert used(budget) == 100


def test_credits_are_needed_as_well(world: World, wallet: Wallet) -> None:
    budget = limit(world, 5000)
    assert not spend(world.alice, 1001)
    assert used(budget) == 0
    wallet.refresh_from_db()
    assert wallet.held == 0


ABOUT: dict[str, dict[str, Any]] = {
    "member": {"member": "bob"},
    "role": {"role": Role.CREATOR},
    "tier": {"tier": "kling"},
    "resolution": {"resolution": "4k"},
    "role and resolution": {"role": Role.CREATOR, "resolution": "4k"},
    "member and tier": {"member": "bob", "tier": "kling"},
}


@pytest.mark.parametrize("about", ABOUT.values(), ids=ABOUT)
def test_a_budget_stops_what_it_is_about_and_nothing_else(world: World, about: dict[str, Any]) -> None:
    what = about | ({"member": world.bob.user} if "member" in about else {})
    budget = limit(world, 10, **what)
    assert not spend(world.bob, 11, tier="kling", resolution="4k")
    assert spend(world.bob, 10, tier="kling", resolution="4k")
    others = world.alice if "member" in about or "role" in about else world.bob
    assert spend(others, 50, tier="lite", resolution="720p")
    assert used(budget) == 10


def test_all_budgets_must_be_kept_and_all_that_apply_count(world: World) -> None:
    whole, bobs = limit(world, 100), limit(world, 50, member=world.bob.user)
    creators, high = limit(world, 70, role=Role.CREATOR), limit(world, 30, resolution="4k")
    assert spend(world.bob, 30, resolution="4k")
    assert not spend(world.bob, 1, resolution="4k")
    assert spend(world.bob, 20)
    assert not spend(world.bob, 1)
    assert spend(world.alice, 50)
    assert not spend(world.alice, 1)
    assert [used(each) for each in (whole, bobs, creators, high)] == [100, 50, 50, 30]


def test_nothing_is_a_budget_too(world: World) -> None:
    limit(world, 0, role=Role.CREATOR, resolution="4k")
    assert not spend(world.bob, 1, resolution="4k")
    assert spend(world.bob, 1, resolution="1080p")
    assert spend(world.alice, 1, resolution="4k")


def test_another_workspace_has_budgets_of_its_own(world: World) -> None:
    limit(world, 0)
    theirs = set_budget(world.eve, Budget(most=100))
    assert spend(world.eve, 100)
    assert not spend(world.alice, 1)
    assert used(theirs) == 100


def test_an_exception_passes_what_asks_and_counts_and_never_what_refuses(world: World) -> None:
    asks = limit(world, 10, beyond=ASK)
    assert not spend(world.bob, 40)
    assert spend(world.bob, 40, approved=True)
    assert (used(asks), asks.left()) == (40, -30)
    limit(world, 50, member=world.bob.user)
    assert not spend(world.bob, 40, approved=True)
    assert used(asks) == 40


def test_released_and_refunded_credits_may_be_spent_again(world: World, wallet: Wallet) -> None:
    budget = limit(world, 100)
    released, charged = spend(world.bob, 40), spend(world.bob, 60)
    assert released
    assert charged
    assert Wallet.release(released.pk)
    assert not Wallet.release(released.pk)
    assert used(budget) == 60
    entry = Wallet.capture(charged.pk)
    assert entry
    assert used(budget) == 60
    wallet.refund(entry, actor=None, reason="test")
    assert used(budget) == 0


def test_a_refund_by_somebody_who_had_read_the_charge_before_the_first_budget_is_counted(
    world: World, wallet: Wallet
) -> None:
    hold = spend(world.bob, 40)
    assert hold
    Wallet.capture(hold.pk)
    entry = LedgerEntry.objects.select_related("hold__wallet", "wallet").get(hold=hold)
    budget = limit(world, 100)
    assert used(budget) == 40
    entry.wallet.refund(entry, actor=None, reason="test")
    assert used(budget) == 0


def test_a_new_month_begins_with_nothing_spent(world: World) -> None:
    budget = limit(world, 100)
    old = spend(world.bob, 100)
    assert old
    # All of it happened last month.
    Hold.objects.update(month=last_month().replace(day=1))
    Budget.objects.update(month=last_month().replace(day=1), warned=100)
    budget.refresh_from_db()
    assert (budget.spent(), budget.left()) == (0, 100)
    assert spend(world.bob, 70)
    budget.refresh_from_db()
    assert (used(budget), budget.warned, budget.month) == (70, 0, month_of(timezone.now()))
    assert not spend(world.bob, 31)
    # What is given back belongs to the month that it was taken from.
    assert Wallet.release(old.pk)
    assert used(budget) == 70


def test_what_is_given_back_before_anything_is_spent_in_the_new_month_changes_nothing(world: World) -> None:
    budget = limit(world, 100)
    old = spend(world.bob, 60)
    assert old
    Hold.objects.update(month=last_month().replace(day=1))
    Budget.objects.update(month=last_month().replace(day=1))
    assert Wallet.release(old.pk)
    assert used(budget) == 0
    assert spend(world.bob, 100)
    assert used(budget) == 100


def test_a_budget_made_in_the_middle_of_a_month_has_counted_what_was_spent(
    world: World, wallet: Wallet
) -> None:
    spend(world.alice, 7)
    held, charged, back = (spend(world.bob, each, tier="lite") for each in (10, 20, 40))
    released, old = spend(world.bob, 80), spend(world.bob, 160)
    assert held and charged and back and released and old  # noqa: PT018 - all are there
    Hold.objects.filter(pk=old.pk).update(month=last_month().replace(day=1))
    Wallet.release(released.pk)
    for each in (charged, back):
        Wallet.capture(each.pk)
    wallet.refund(LedgerEntry.objects.get(hold=back), actor=None, reason="test")
    assert used(limit(world, 100)) == 37
    assert used(limit(world, 100, member=world.bob.user)) == 30
    assert used(limit(world, 100, role=Role.OWNER)) == 7
    assert used(limit(world, 100, tier="lite")) == 30


def test_a_budget_is_set_changed_and_dropped_with_a_word_in_the_audit_trail(world: World) -> None:
    budget = limit(world, 100, member=world.bob.user)
    assert change(world.alice, budget, most=50, beyond=ASK)
    assert change(world.alice, budget, most=50, beyond=ASK)  # which changes nothing
    assert drop(world.alice, budget)
    assert not drop(world.alice, Budget(pk=budget.pk))
    events = AuditEvent.objects.filter(verb__startswith="budget").order_by("pk")
    told = [
        (each.verb, each.before and each.before["most"], each.after and each.after["most"]) for each in events
    ]
    assert told == [
        ("budget.set", None, 100),
        ("budget.changed", 100, 50),
        ("budget.dropped", 50, None),
    ]
    assert {(each.actor, each.acting_as, each.workspace) for each in events} == {
        (world.alice.user, "owner", world.alice.workspace)
    }
    assert spend(world.bob, 500)


def test_a_strangers_budget_is_neither_changed_nor_dropped(world: World) -> None:
    budget = limit(world, 100)
    assert not change(world.eve, budget, most=1, beyond=REFUSE)
    assert not drop(world.eve, budget)
    assert (used(budget), budget.most) == (0, 100)


def test_there_is_one_budget_about_one_thing(world: World) -> None:
    limit(world, 100, member=world.bob.user)
    with pytest.raises(AlreadySet):
        limit(world, 50, member=world.bob.user)
    assert Budget.objects.count() == 1


def test_a_lower_limit_than_what_is_spent_stops_everything_and_gives_nothing_back(world: World) -> None:
    budget = limit(world, 100)
    spend(world.bob, 80)
    change(world.alice, budget, most=50, beyond=REFUSE)
    assert not spend(world.bob, 1)
    assert (used(budget), budget.left()) == (80, -30)


def test_who_is_invited_with_a_budget_has_it_and_the_next_invitation_changes_it(world: World) -> None:
    vera, northlight, alice = world.vera.user, world.vera.workspace, world.alice.user
    first = for_new_member(vera, northlight, 40, by=alice)
    assert not spend(world.vera, 41)
    again = for_new_member(vera, northlight, 60, by=alice)
    assert (again.pk, Budget.objects.get().most) == (first.pk, 60)


def test_one_can_see_what_is_in_the_way_tightest_first(world: World) -> None:
    whole, bobs = limit(world, 30), limit(world, 10, member=world.bob.user)
    limit(world, 500, role=Role.CREATOR)
    hold = Hold(amount=40, spender=world.bob.user, role="creator", wallet=world.bob.workspace.wallet)
    assert Budget.objects.in_the_way(hold, 40) == [bobs, whole]
    assert Budget.objects.in_the_way(hold, 20) == [bobs]
    assert Budget.objects.in_the_way(hold, 10) == []


def test_a_budget_for_somebody_who_left_meanwhile_is_not_set(world: World) -> None:
    team.remove(world.alice, Membership.objects.get(user=world.bob.user, workspace=world.alice.workspace))
    with pytest.raises(Gone):
        set_budget(world.alice, Budget(most=5, beyond="refuse", member=world.bob.user))
    assert not Budget.objects.exists()
