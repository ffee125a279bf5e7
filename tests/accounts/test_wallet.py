"""The wallet's verbs: exact, once, and refused by the schema when code is wrong."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import AuditEvent, Hold, LedgerEntry, Wallet
from generations import orders
from generations.fal.download import Downloaded
from generations.models import Clip, Generation, State
from generations.motor.store import settle
from tests.clips import storing
from tests.world import Studio, World, order

pytestmark = pytest.mark.both_databases

FOUND = {"width": 1280, "height": 720, "seconds": 8.0, "has_audio": True}


def place(world: World, **values: Any) -> Generation:
    return orders.place(world.alice, order(world.alice, **values))[0]


def test_a_hold_takes_from_what_is_available_and_not_from_what_is_posted(
    world: World, wallet: Wallet
) -> None:
    generation = place(world)
    wallet.refresh_from_db()
    assert (wallet.posted, wallet.held, wallet.available) == (1000, 40, 960)
    assert generation.held == 40
    assert generation.charged == 0


def test_a_capture_charges_the_hold_once(world: World, wallet: Wallet) -> None:
    hold = place(world).hold
    assert hold
    with transaction.atomic():
        assert Wallet.capture(hold.pk)
        assert Wallet.capture(hold.pk) is None
        assert not Wallet.release(hold.pk)
        wallet.refresh_from_db()
        assert (wallet.posted, wallet.held) == (960, 0)
        # An open generation whose hold is resolved is no state to stay in; the schema would refuse it.
        transaction.set_rollback(True)


@contextmanager
def at_once() -> Iterator[None]:
    """Have PostgreSQL evaluate its deferred triggers after each statement, not at the commit."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    yield


def test_a_resolved_hold_can_never_change_again(world: World) -> None:
    generation = place(world)
    assert generation.finish(State.CANCELLED, cause="test")
    for state in ("held", "captured"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Hold.objects.filter(generation=generation).update(state=state, resolved_at=timezone.now())


def test_an_ended_generation_with_an_open_hold_is_refused(world: World) -> None:
    generation = place(world)
    with pytest.raises(IntegrityError), transaction.atomic(), at_once():
        Generation.objects.filter(pk=generation.pk).update(state=State.FAILED, wake_at=None)


def test_the_schema_refuses_an_overdraft_even_when_code_forgets(wallet: Wallet) -> None:
    for change in ({"held": F("posted") + 1}, {"held": -1}, {"posted": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Wallet.objects.filter(pk=wallet.pk).update(**change)


def test_the_ledger_is_append_only(wallet: Wallet, on_postgres: bool) -> None:
    AuditEvent.of("test", wallet, actor=None).save()
    with at_once():
        pass
    acts = [
        "UPDATE accounts_ledgerentry SET amount = 1",
        "DELETE FROM accounts_ledgerentry",
        "UPDATE accounts_auditevent SET verb = 'nothing'",
        "DELETE FROM accounts_auditevent",
    ]
    for act in acts + (["TRUNCATE accounts_ledgerentry CASCADE"] if on_postgres else []):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)


def test_the_same_cause_is_booked_once(wallet: Wallet) -> None:
    wallet.grant(5, cause="invoice 7")
    with pytest.raises(IntegrityError), transaction.atomic():
        wallet.grant(5, cause="invoice 7")
    wallet.refresh_from_db()
    assert wallet.posted == 1005


@pytest.mark.parametrize("amount", [0, -1])
def test_a_grant_is_positive(wallet: Wallet, amount: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        wallet.grant(amount, cause="odd")


def test_an_adjustment_has_a_reason_and_cannot_take_what_is_not_there(wallet: Wallet) -> None:
    for amount, reason in ((5, ""), (-1001, "typo")):
        with pytest.raises(IntegrityError), transaction.atomic():
            wallet.adjust(amount, cause=uuid.uuid4().hex, actor=None, reason=reason)
    wallet.adjust(-1000, cause="x", actor=None, reason="closed")
    wallet.refresh_from_db()
    assert wallet.available == 0


def test_thirty_threads_with_credits_for_fourteen_get_exactly_fourteen(studio: Studio) -> None:
    alice = studio.world.alice
    wallet = studio.wallet()
    wallet.adjust(14 * 40 + 39 - wallet.available, cause="fourteen", actor=None, reason="test")
    wanted = [order(alice) for _ in range(30)]
    start = Barrier(30)

    def press(each: orders.Order) -> bool:
        start.wait()
        try:
            return bool(orders.place(alice, each))
        except orders.NotEnough:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(30) as pool:
        won = sum(pool.map(press, wanted))
    wallet.refresh_from_db()
    assert won == 14
    assert (wallet.held, wallet.available) == (14 * 40, 39)
    assert Generation.objects.count() == Hold.objects.count() == 14


def test_twenty_threads_racing_complete_against_fail_have_one_winner(studio: Studio) -> None:
    generation = storing(studio.place())
    start = Barrier(20)

    def end(number: int) -> bool:
        mine = Generation.objects.select_related("hold").get(pk=generation.pk)
        start.wait()
        try:
            if number % 2:
                return mine.finish(State.FAILED, cause=f"racer {number}")
            return settle(mine, Downloaded(10, "0" * 64), FOUND, f"clip {number}", f"poster {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(end, range(20))) == 1
    generation.refresh_from_db()
    succeeded = generation.state == State.SUCCEEDED
    assert studio.wallet().available == (960 if succeeded else 1000)
    assert LedgerEntry.objects.filter(hold=generation.hold).count() == Clip.objects.count() == succeeded


def test_takes_are_held_all_or_none(world: World, wallet: Wallet) -> None:
    wallet.adjust(159 - 1000, cause="x", actor=None, reason="test")
    with pytest.raises(orders.NotEnough):
        orders.place(world.alice, order(world.alice, takes=4))
    wallet.refresh_from_db()
    assert wallet.held == 0
    assert len(orders.place(world.alice, order(world.alice, takes=3))) == 3
    wallet.refresh_from_db()
    assert wallet.held == 120


@pytest.mark.postgres
@pytest.mark.parametrize("pooled", [False, True])
def test_spending_is_planned_once_in_each_session_unless_a_pooler_hands_sessions_around(
    pooled: bool, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", pooled)
    world = World.make()
    for _ in "ab":
        connection.close()
        for _ in "ab":
            assert place(world).held == 40
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            planned = [statement for (statement,) in cursor.fetchall()]
        assert [text[:10] for text in planned] == ([] if pooled else ["WITH guard"])
        assert connection.connection.prepare_threshold is None  # of everything else


@pytest.mark.postgres
def test_what_is_too_long_for_its_column_is_refused_and_not_cut(world: World, wallet: Wallet) -> None:
    event = AuditEvent(verb="v" * 500, object="o", workspace=world.alice.workspace)
    with pytest.raises(DataError), transaction.atomic():
        wallet.hold([Hold(amount=1)], rows=[event])
    wallet.refresh_from_db()
    assert (wallet.held, Hold.objects.count()) == (0, 0)
