"""Many at once on one wallet: exactly what is affordable, each thing once, and nobody waits in a circle."""

import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import sleep
from typing import Any, TypeVar

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.books import LEDGER, broken
from accounts.models import Hold, LedgerEntry, User, Wallet, open_workspace
from generations import orders
from generations.models import Generation, State
from tests.generations.composing import TEXT, fields
from tests.world import World, order

pytestmark = pytest.mark.both_databases

T = TypeVar("T")
PRICE = 40
THREADS, PRESSES, ROUNDS = 64, 200, 3


def at_once(calls: list[Callable[[], T]], threads: int = THREADS) -> list[T]:
    """What the calls answer, made by so many threads that start together; any error is raised here."""
    start = Barrier(threads)

    def work(mine: list[Callable[[], T]]) -> list[T]:
        start.wait()
        try:
            return [call() for call in mine]
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        shares = pool.map(work, (calls[number::threads] for number in range(threads)))
        return [answer for share in shares for answer in share]


@pytest.fixture
def lasting(transactional_db: None) -> World:
    """People in committed rows, with credits for one clip."""
    return World.make(funds=PRICE + PRICE - 1)


def test_two_hundred_presses_for_one_affordable_clip_make_one_clip(lasting: World) -> None:
    def press(wanted: orders.Order) -> bool:
        try:
            return bool(orders.place(lasting.alice, wanted))
        except orders.NotEnough:
            return False

    for _ in range(ROUNDS):
        wanted = [order(lasting.alice) for _ in range(PRESSES)]
        won = at_once([lambda each=each: press(each) for each in wanted])  # type: ignore[misc]  # bound now
        assert sum(won) == 1
        (made,) = Generation.objects.filter(state=State.QUEUED)
        assert made.finish(State.CANCELLED, cause="test")
    wallet = lasting.alice.workspace.wallet
    wallet.refresh_from_db()
    assert (wallet.posted, wallet.held, Hold.objects.count()) == (2 * PRICE - 1, 0, ROUNDS)


def test_thirty_two_browsers_with_credits_for_one_clip_make_one_clip(lasting: World) -> None:
    browser = Client()
    browser.force_login(lasting.alice.user)

    def press() -> int:
        mine = Client()
        mine.cookies = browser.cookies
        return mine.post(reverse("generations:create"), fields(TEXT, quoted=str(PRICE))).status_code

    answers = at_once([press] * 32, threads=32)
    assert sorted(answers) == [302, *[409] * 31]
    assert Generation.objects.count() == 1


def test_one_form_sent_by_sixty_four_at_once_is_one_order(lasting: World) -> None:
    lasting.alice.workspace.wallet.grant(PRICE * THREADS, cause="enough for all")
    wanted = order(lasting.alice)
    made = at_once([lambda: orders.place(lasting.alice, wanted)[0].pk] * THREADS)
    assert set(made) == set(Generation.objects.values_list("pk", flat=True))
    assert len(set(made)) == 1


class Hot:
    """A wallet that everybody uses, with holds that are no generation's."""

    def __init__(self, holds: int) -> None:
        owner = User.objects.create_user("owner@example.com", None)
        self.wallet = open_workspace("Hot", owner=owner).wallet
        self.wallet.grant(1000, cause="test")
        self.holds = [Hold(amount=3) for _ in range(holds)]
        assert self.wallet.hold(self.holds)

    def mine(self) -> Wallet:
        """As another request would read it."""
        return Wallet.objects.get(pk=self.wallet.pk)

    def refund(self, hold: uuid.UUID) -> int:
        """What came back for a charge, if there was one that nobody had given back."""
        charge = LedgerEntry.objects.filter(hold=hold).first()
        try:
            return self.mine().refund(charge, actor=None, reason="test").amount if charge else 0
        except IntegrityError:
            return 0

    def adjust(self, amount: int) -> int:
        """By hand."""
        return self.mine().adjust(amount, cause=uuid.uuid4().hex, actor=None, reason="test").amount

    def capture(self, hold: uuid.UUID) -> int:
        """What was charged."""
        charge = Wallet.capture(hold)
        return charge.amount if charge else 0

    def release(self, hold: uuid.UUID) -> int:
        """Moves nothing."""
        Wallet.release(hold)
        return 0

    def hold(self) -> int:
        """Another one."""
        assert self.mine().hold([Hold(amount=1)])
        return 0


@pytest.fixture
def hot(transactional_db: None) -> Hot:
    return Hot(holds=24)


@pytest.mark.breaks_invariants  # holds without a generation
def test_all_verbs_at_once_on_one_wallet_add_up(hot: Hot) -> None:
    """A deadlock or a lock that is not had in time is an error, and any error fails this."""
    calls: list[Callable[[], int]] = [hot.hold, lambda: hot.adjust(5), lambda: hot.adjust(-2)] * 24
    for hold in hot.holds:
        for verb in (hot.capture, hot.release, hot.refund):
            calls += [lambda verb=verb, key=hold.pk: verb(key)] * 3  # type: ignore[misc]  # bound now
    random.Random(7).shuffle(calls)
    moved = at_once(calls, threads=32)
    wallet = hot.mine()
    assert wallet.posted == 1000 + sum(moved)
    assert wallet.held == 24
    assert not Hold.objects.filter(pk__in=[each.pk for each in hot.holds], state="held").exists()
    assert not list(broken(LEDGER))


@pytest.mark.postgres
@pytest.mark.breaks_invariants  # holds without a generation
@pytest.mark.parametrize("verb", ["capture", "release"])
def test_whoever_uses_two_verbs_in_one_transaction_waits_for_nobody_who_waits_for_it(
    hot: Hot, verb: str
) -> None:
    """The wallet's row is locked before a hold's by every verb; otherwise this is a deadlock."""
    key, granted = hot.holds[0].pk, Event()

    def other() -> Any:
        granted.wait(10)
        return getattr(hot, verb)(key)

    def both() -> Any:
        with transaction.atomic():
            hot.mine().grant(1, cause="first")
            granted.set()
            _until_somebody_waits()
            return Wallet.capture(key)

    assert all(each is not None for each in at_once([both, other], threads=2))
    assert LedgerEntry.objects.filter(hold=key).count() == 1
    assert not list(broken(LEDGER))


def _until_somebody_waits() -> None:
    """For a lock that we have, as PostgreSQL sees it."""
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        sleep(0.01)
    raise AssertionError("nobody waits")
