"""Who decides at the same moment: one of them does, and credits and budgets say the same."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Budget, Membership, Notification, Role, Wallet
from generations import cancelling, orders
from generations.approvals import Decided, approve, deny, raise_and_approve
from generations.fal.failures import Reason
from generations.models import Generation, State
from tests.accounts.test_races import at_once
from tests.generations.test_approvals import PRICE, limit, parked, state
from tests.world import World, order

pytestmark = pytest.mark.both_databases


@pytest.fixture
def lasting(transactional_db: None) -> World:
    """People in committed rows, and a second who decides."""
    made = World.make(funds=100_000)
    Membership.objects.filter(user=made.vera.user).update(role=Role.ADMIN)
    made.vera = replace(made.vera, role=Role.ADMIN)
    return made


def outcome(verb: Any, *args: Any) -> bool:
    """Whether it was this one that decided."""
    try:
        verb(*args)
    except Decided:
        return False
    return True


def cancel(generation: Generation) -> None:
    mine = Generation.objects.get(pk=generation.pk)
    if not (mine.can_cancel_free and mine.finish(State.CANCELLED, cause="test", reason=Reason.CANCELLED)):
        raise Decided


def books(world: World) -> tuple[int, int]:
    wallet = Wallet.objects.get(workspace=world.alice.workspace)
    return wallet.held, Budget.objects.get().used


def test_of_many_who_approve_at_once_one_does(lasting: World) -> None:
    first = parked(lasting, takes=2)
    people = [lasting.alice, lasting.vera] * 8
    calls: list[Callable[[], bool]] = [partial(outcome, approve, who, first) for who in people]
    assert sum(at_once(calls, threads=16)) == 1
    assert books(lasting) == (2 * PRICE, 2 * PRICE)
    assert Notification.objects.filter(user=lasting.bob.user).count() == 1


@pytest.mark.parametrize("round_", range(6))
def test_approval_against_denial_is_one_of_both(lasting: World, round_: int) -> None:
    first = parked(lasting, takes=2)
    calls = [
        lambda: outcome(approve, lasting.alice, first),
        lambda: outcome(deny, lasting.vera, first, "no"),
        lambda: outcome(raise_and_approve, lasting.vera, first),
    ]
    calls = calls[round_ % 3 :] + calls[: round_ % 3]
    assert sum(at_once(calls, threads=3)) == 1
    (ended,) = set(Generation.objects.values_list("state", flat=True))
    spent = 2 * PRICE if ended == State.QUEUED else 0
    assert books(lasting) == (spent, spent)


@pytest.mark.parametrize("round_", range(4))
def test_approval_against_the_authors_cancel_leaves_nothing_held_for_nothing(
    lasting: World, round_: int
) -> None:
    first = parked(lasting)
    calls = [lambda: outcome(approve, lasting.alice, first), lambda: outcome(cancel, first)]
    won = at_once(calls if round_ % 2 else calls[::-1], threads=2)
    # What was approved a moment ago is cancelled free as well: then both did something.
    assert sum(won) >= 1
    spent = PRICE if state(first) == State.QUEUED else 0
    assert books(lasting) == (spent, spent)


def test_one_form_parked_by_many_at_once_is_one_order(lasting: World) -> None:
    limit(lasting, 10)
    wanted = order(lasting.bob)
    made = at_once([lambda: orders.place(lasting.bob, wanted)[0].pk] * 16, threads=16)
    assert len(set(made)) == Generation.objects.count() == 1
    assert Notification.objects.count() == 2  # the owner and the admin, once


@pytest.mark.postgres
def test_of_two_takes_cancelled_at_once_the_last_takes_the_question_along(lasting: World) -> None:
    takes = list(Generation.objects.filter(form_key=parked(lasting, takes=2).form_key))
    first, held = Event(), Event()

    def slowly() -> None:
        with transaction.atomic():
            cancelling.cancel(takes[0], lasting.bob)
            first.set()
            held.wait(1)  # as long as the other is at it

    def meanwhile() -> None:
        first.wait(10)
        cancelling.cancel(takes[1], lasting.bob)
        held.set()

    at_once([slowly, meanwhile], threads=2)
    assert not Generation.objects.filter(state=State.AWAITING).exists()
    assert not Notification.objects.filter(user=lasting.alice.user, read_at=None).exists()
