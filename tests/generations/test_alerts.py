"""Half of a budget, most of it and all of it: told once each."""

from typing import Any

import pytest
from django.db import connection

from accounts import team
from accounts.budgets import change
from accounts.models import Budget, Letter, Membership, Notification, Role, User
from generations import alerts, orders
from generations.models import Heartbeat
from generations.reconcile import sweep
from tests.accounts.test_races import at_once
from tests.generations.test_approval_races import lasting
from tests.generations.test_approvals import limit, lines
from tests.world import World, order

__all__ = ["lasting"]

pytestmark = pytest.mark.both_databases


def test_half_most_and_all_of_a_budget_are_told_once_each(world: World) -> None:
    budget = limit(world, 100, member=world.bob.user)
    assert alerts.tell() == 0
    for placed, level in ((1, 0), (1, 80)):
        for _ in range(placed):
            orders.place(world.bob, order(world.bob))
        assert alerts.tell() == bool(level)
        assert alerts.tell() == 0
        budget.refresh_from_db()
        assert budget.warned == level
    assert lines(world.alice) == ["80 % of the budget for Bob is used up"]
    assert lines(world.bob) == ["80 % of your budget for this month is used up"]
    assert set(Letter.objects.values_list("to", flat=True)) == {"alice@example.com", "bob@example.com"}
    Budget.objects.update(most=80)
    assert alerts.tell() == 1
    assert lines(world.alice)[1:] == ["100 % of the budget for Bob is used up"]
    assert alerts.tell() == 0


def test_after_a_raise_people_are_told_again_of_what_is_reached_anew(world: World) -> None:
    budget = limit(world, 40)
    orders.place(world.bob, order(world.bob))
    assert alerts.tell() == 1
    change(world.alice, budget, most=60, beyond="ask")
    assert alerts.tell() == 0  # 66 %: half of it was told already
    change(world.alice, budget, most=50, beyond="ask")
    assert alerts.tell() == 1
    assert lines(world.alice)[-1] == "80 % of the budget for the workspace is used up"


def test_of_many_sweeps_at_once_one_tells(lasting: World) -> None:
    limit(lasting, 80, member=lasting.bob.user)
    orders.place(lasting.bob, order(lasting.bob))
    assert sum(at_once([alerts.tell] * 8, threads=8)) == 1
    assert Notification.objects.filter(user=lasting.bob.user).count() == 1
    assert Letter.objects.filter(to="bob@example.com").count() == 1


def test_who_is_suspended_is_not_written_to(world: World) -> None:
    mine = limit(world, 1000, member=world.bob.user)
    orders.place(world.bob, order(world.bob))
    team.suspend(world.alice, Membership.objects.get(user=world.bob.user, workspace=world.alice.workspace))
    change(world.alice, mine, most=10, beyond="refuse")
    assert alerts.tell() == 1
    assert set(Letter.objects.values_list("to", flat=True)) == {"alice@example.com"}


def test_an_address_that_is_none_keeps_nobody_else_from_being_told(world: World, client_of: Any) -> None:
    # Of people from before addresses were looked at as they are kept.
    odd = User.objects.create_user("\u0130x@mal.example", first_name="Mal")
    Membership.objects.create(user=odd, workspace=world.alice.workspace, role=Role.BILLING)
    limit(world, 40)
    orders.place(world.bob, order(world.bob))
    assert alerts.tell() == 1
    assert Letter.objects.get(to="alice@example.com").wake_at
    lost = Letter.objects.exclude(to="alice@example.com").get()
    assert (lost.wake_at, lost.text, lost.error) == (None, "", "no address")


def test_a_sweep_that_breaks_does_not_pass_for_alive(world: World) -> None:
    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        if "accounts_budget" in sql:
            raise ZeroDivisionError
        return execute(sql, *rest)

    with pytest.raises(ZeroDivisionError), connection.execute_wrapper(broken):
        sweep()
    assert not Heartbeat.objects.exists()
    sweep()
    assert Heartbeat.objects.exists()
