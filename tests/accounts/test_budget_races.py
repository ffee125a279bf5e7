"""Many at once on one budget: exactly what fits, all of it counted, and nobody waits in a circle."""

import random
from collections.abc import Callable
from contextlib import suppress
from threading import Event

import pytest
from django.db import IntegrityError, transaction

from accounts.books import LEDGER, broken
from accounts.budgets import AlreadySet, change, drop, set_budget
from accounts.models import Budget, Hold, LedgerEntry, Role, Wallet
from generations import orders
from generations.models import Generation, State
from tests.accounts.test_races import _until_somebody_waits, at_once
from tests.world import World, order

pytestmark = [pytest.mark.both_databases, pytest.mark.breaks_invariants]  # holds without a generation

PRICE, PRESSES = 40, 200


@pytest.fixture
def lasting(transactional_db: None) -> World:
    """People in committed rows, with more credits than they may spend."""
    return World.make(funds=100_000)


def press(who: World, wanted: orders.Order) -> bool:
    """Whether it was placed."""
    try:
        return bool(orders.place(who.bob, wanted))
    except orders.OverBudget:
        return False


@pytest.mark.parametrize("kind", ["workspace", "member", "role and tier"])
def test_two_hundred_orders_against_a_budget_with_room_for_one_make_one_clip(
    lasting: World, kind: str
) -> None:
    about = {
        "workspace": Budget(),
        "member": Budget(member=lasting.bob.user),
        "role and tier": Budget(role=Role.CREATOR, tier="lite"),
    }[kind]
    about.most = 2 * PRICE - 1
    budget = set_budget(lasting.alice, about)
    set_budget(lasting.alice, Budget(resolution="720p", most=50_000))
    wanted = [order(lasting.bob) for _ in range(PRESSES)]
    won = at_once([lambda each=each: press(lasting, each) for each in wanted])  # type: ignore[misc]  # bound now
    assert sum(won) == 1
    assert Generation.objects.get().state == State.QUEUED
    budget.refresh_from_db()
    assert (budget.used, Hold.objects.count()) == (PRICE, 1)
    assert not list(broken(LEDGER))


@pytest.mark.postgres
@pytest.mark.parametrize("nth", ["the first", "the second"])
def test_an_order_that_waits_while_a_budget_is_made_keeps_to_it_and_is_counted(
    lasting: World, nth: str
) -> None:
    """Its statement began before the budget was there, and would neither see nor count it."""
    if nth == "the second":
        set_budget(lasting.alice, Budget(most=50_000))
    locked = Event()

    def make() -> None:
        with transaction.atomic():
            set_budget(lasting.alice, Budget(member=lasting.bob.user, most=15))
            locked.set()
            _until_somebody_waits()

    def hold(amount: int) -> bool:
        wallet = Wallet.objects.get(workspace=lasting.bob.workspace)
        locked.wait(10)
        return wallet.hold([Hold(amount=amount, spender=lasting.bob.user, role="creator")])

    _, small, big = at_once([make, lambda: hold(10), lambda: hold(16)], threads=3)
    assert (small, big) == (True, False)
    assert Budget.objects.get(member=lasting.bob.user).used == 10
    assert not list(broken(LEDGER))


class Busy:
    """What may happen at once in one workspace with budgets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.budgets = [
            set_budget(world.alice, Budget(most=400, beyond="ask")),
            set_budget(world.alice, Budget(member=world.bob.user, most=90)),
            set_budget(world.alice, Budget(role=Role.CREATOR, tier="lite", most=120)),
        ]
        self.holds: list[Hold] = []
        for _ in range(24):
            hold = Hold(amount=3, spender=world.bob.user, role="creator", tier="lite")
            assert self.wallet().hold([hold])
            self.holds.append(hold)

    def wallet(self) -> Wallet:
        """As another request would read it."""
        return Wallet.objects.get(workspace=self.world.alice.workspace)

    def hold(self, *, approved: bool = False) -> None:
        """One more, if it fits."""
        who = random.choice([self.world.alice, self.world.bob])
        hold = Hold(amount=7, spender=who.user, role=who.role.value, tier=random.choice(["lite", "fast"]))
        self.wallet().hold([hold], approved=approved)

    def settle(self, hold: Hold) -> None:
        """One way or the other."""
        random.choice([Wallet.capture, Wallet.release])(hold.pk)

    def refund(self, hold: Hold) -> None:
        """If there is a charge that nobody gave back."""
        charge = LedgerEntry.objects.select_related("hold", "wallet").filter(hold=hold).first()
        try:
            if charge:
                charge.wallet.refund(charge, actor=None, reason="test")
        except IntegrityError:
            pass

    def edit(self) -> None:
        """Another limit."""
        change(self.world.alice, random.choice(self.budgets), most=random.randrange(50, 300), beyond="ask")

    def make_and_drop(self) -> None:
        """One that was not there when others began."""
        with suppress(AlreadySet):
            drop(self.world.alice, set_budget(self.world.alice, Budget(tier="fast", most=60)))

    def make(self) -> None:
        """One that stays."""
        taken = {each.tier for each in Budget.objects.all()}
        name = next(f"t{number}" for number in range(99) if f"t{number}" not in taken)
        with suppress(AlreadySet):
            set_budget(self.world.alice, Budget(role=Role.CREATOR, tier=name, most=60))


def test_all_verbs_and_edits_at_once_leave_every_budget_as_its_holds_say(lasting: World) -> None:
    """A deadlock, or a lock that is not had in time, is an error, and any error fails this."""
    busy = Busy(lasting)
    calls: list[Callable[[], None]] = [busy.hold, lambda: busy.hold(approved=True)] * 30
    calls += [busy.edit, busy.make_and_drop] * 15 + [busy.make] * 4
    for hold in busy.holds:
        calls += [lambda each=hold: busy.settle(each), lambda each=hold: busy.refund(each)] * 2  # type: ignore[misc]
    random.Random(11).shuffle(calls)
    at_once(calls, threads=24)
    assert not list(broken(LEDGER))
    assert Budget.objects.get(member=lasting.bob.user).used > 0
