"""A proven delivery becomes durable: by one statement or by the same steps, with the same effects."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import Error, OperationalError, connections, transaction
from django.utils import timezone

from accounts import prepared
from generations import motor
from generations.arrivals import Arrival, Landed, land
from generations.fal.failures import Reason
from generations.models import Attempt, Delivery, Generation, State
from generations.models.attempt import hashed
from tests.generations.ageing import age, ask_to_cancel, now, place, submitted
from tests.generations.puppet import Puppet
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

CLIP = {"video": {"url": "https://v3.fal.media/x.mp4"}}
TOKEN = "t" * 43


def arrival(request_id: str = "r-1", *, result: bool = True, token: str = TOKEN, text: str = "") -> Arrival:
    body = {"request_id": request_id, "payload": CLIP if result else {}, "text": text}
    digest = hashed(f"{request_id} {result} {text}")
    return Arrival(hashed(token), request_id, "OK" if result else "ERROR", body, digest, False, result)


@dataclass(frozen=True)
class Case:
    """Where a generation is, what its attempt is known to be, and what a result does to it."""

    state: State
    attempt: str
    known: str | None = None
    moves: bool = False


CASES = {
    "sending": Case(State.SUBMITTING, "sending"),
    "put back": Case(State.QUEUED, "rejected"),
    "ambiguous": Case(State.AMBIGUOUS, "ambiguous"),
    "submitted": Case(State.SUBMITTED, "accepted", "r-1", moves=True),
    "submitted, and a request of another attempt": Case(State.SUBMITTED, "rejected"),
    "storing": Case(State.STORING, "accepted", "r-1"),
    "failed": Case(State.FAILED, "accepted", "r-1"),
    "cancelled": Case(State.CANCELLED, "accepted", "r-1"),
}


def made(world: World, case: Case) -> Generation:
    """A generation where the case wants it, by the moves that lead there."""
    generation = place(world)
    at = timezone.now() + timedelta(hours=1)
    ways: dict[State, tuple[State, ...]] = {
        State.QUEUED: (State.SUBMITTING, State.QUEUED),
        State.SUBMITTING: (State.SUBMITTING,),
        State.AMBIGUOUS: (State.SUBMITTING, State.AMBIGUOUS),
        State.SUBMITTED: (State.SUBMITTING, State.SUBMITTED),
        State.STORING: (State.SUBMITTING, State.SUBMITTED, State.STORING),
        State.FAILED: (State.SUBMITTING, State.SUBMITTED),
        State.CANCELLED: (State.SUBMITTING, State.SUBMITTED),
    }
    for state in ways[case.state]:
        assert generation.move(state, cause="test", wake_at=at, poked_at=at, queue_position=3, lease_until=at)
    if case.state in (State.FAILED, State.CANCELLED):
        assert generation.finish(case.state, cause="test")
    attempt(generation, 1, TOKEN, case.attempt, case.known)
    if case.attempt == "rejected" and case.state == State.SUBMITTED:
        attempt(generation, 2, "another" * 5, "accepted", "r-0")
    return generation


def attempt(generation: Generation, number: int, token: str, state: str, known: str | None) -> Attempt:
    return Attempt.objects.create(
        generation=generation,
        number=number,
        token_hash=hashed(token),
        state=state,
        request_id=known,
        sent_at=timezone.now(),
    )


@pytest.mark.parametrize("result", [True, False], ids=["a clip", "an error"])
@pytest.mark.parametrize("name", CASES)
def test_what_a_delivery_does(lasting: World, name: str, result: bool) -> None:
    case = CASES[name]
    generation = made(lasting, case)
    before, moment, changes = now(generation), timezone.now(), generation.changes.count()
    moves = case.moves and result
    assert land(arrival(result=result)) == Landed(generation.pk, case.known, True, moves)
    after, delivery = now(generation), Delivery.objects.get()
    assert after.state == (State.STORING if moves else before.state)
    assert after.epoch == before.epoch + moves
    assert after.changes.count() == changes + moves
    assert (delivery.processed_at is not None) == moves
    assert (delivery.request_id, delivery.status, delivery.stale) == (
        "r-1",
        "OK" if result else "ERROR",
        False,
    )
    assert delivery.body == arrival(result=result).body
    assert Attempt.objects.get(number=1).result == (CLIP if moves else None)
    assert Attempt.objects.get(number=1).request_id == case.known
    woken = after.wake_at is not None and abs(after.wake_at - moment) < timedelta(seconds=30)
    assert woken == before.is_open
    if moves:
        assert (after.lease_until, after.queue_position, after.poked_at, after.tries) == (None, None, None, 0)
        assert timedelta(hours=23) < after.deadline_at - moment < timedelta(hours=25)
        walked = after.changes.values_list("before", "after", "cause")
        assert list(walked)[-1] == ("submitted", "storing", "result by webhook")
    else:
        assert (after.lease_until, after.deadline_at) == (before.lease_until, before.deadline_at)


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["by the database", "by us"])
def test_a_session_that_died_meanwhile_is_followed_by_another(lasting: World, how: str) -> None:
    """Nobody asks beforehand whether it lives."""
    made(lasting, CASES["submitted"])
    connection = connections["default"]
    connection.ensure_connection()
    if how == "by us":
        connection.connection.close()
    else:
        with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
            mine = connection.connection.info.backend_pid
            assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine]).fetchone() == (True,)
    landed = land(arrival())
    assert landed is not None
    assert landed.moved
    assert Delivery.objects.count() == 1


@pytest.mark.postgres
def test_a_column_that_grows_while_sessions_have_plans_is_not_noticed(lasting: World) -> None:
    """As in a rolling restart: the migration comes first, the processes later."""
    made(lasting, CASES["submitted"])
    connection = connections["default"]
    assert land(arrival())
    alter = "ALTER TABLE generations_attempt ALTER COLUMN request_id TYPE varchar(%s)"
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute(alter % 80)
        try:
            landed = land(arrival(text="again"))
        finally:
            other.execute(alter % 64)
    assert landed is not None
    assert landed.stored


@pytest.mark.postgres
def test_when_a_session_died_somebody_is_told_even_if_it_had_stored_it(
    lasting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = made(lasting, CASES["submitted"])
    first, fails = prepared.first, iter([True])

    def dies_after_its_commit(*given: Any) -> Any:
        row = first(*given)
        if next(fails, False):
            connections["default"].connection.close()
            raise OperationalError("the server closed the connection unexpectedly")
        return row

    monkeypatch.setattr(prepared, "first", dies_after_its_commit)
    landed = land(arrival())
    assert landed is not None
    assert landed.stored
    assert (now(generation).state, Delivery.objects.count()) == (State.STORING, 1)


@pytest.mark.postgres
def test_inside_a_transaction_it_is_not_tried_again(lasting: World) -> None:
    made(lasting, CASES["submitted"])

    def cut_off() -> None:
        with transaction.atomic():
            connections["default"].connection.close()
            land(arrival())

    with pytest.raises(Error):
        cut_off()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("name", CASES)
def test_the_same_again_changes_nothing(lasting: World, name: str) -> None:
    case = CASES[name]
    generation = made(lasting, case)
    land(arrival())
    before = row(generation)
    again = land(arrival())
    assert again == Landed(generation.pk, case.known)
    assert row(generation) == before
    assert Delivery.objects.count() == 1


def test_another_request_than_it_is_known_to_be_changes_nothing(lasting: World) -> None:
    generation = made(lasting, CASES["submitted"])
    before = row(generation)
    assert land(arrival("r-2")) == Landed(generation.pk, "r-1")
    assert row(generation) == before
    assert not Delivery.objects.exists()


def test_a_token_of_nobody_changes_nothing(lasting: World) -> None:
    generation = made(lasting, CASES["submitted"])
    before = row(generation)
    assert land(arrival(token="x" * 43)) is None
    assert row(generation) == before


def row(generation: Generation) -> dict[str, Any]:
    return dict(Generation.objects.filter(pk=generation.pk).values().get())


# ── At the same moment ──────────────────────────────────────────────────────────────────────────


def race(*deeds: Callable[[], object]) -> None:
    """All at once; whatever is raised is raised here."""
    barrier, errors = threading.Barrier(len(deeds)), list[BaseException]()

    def run(deed: Callable[[], object]) -> None:
        try:
            barrier.wait(30)
            deed()
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert errors == []


def test_eight_copies_at_once_are_one(lasting: World) -> None:
    generation = made(lasting, CASES["submitted"])
    landed: list[Landed | None] = []
    race(*[lambda: landed.append(land(arrival()))] * 8)
    assert sum(bool(each and each.stored) for each in landed) == 1
    assert sum(bool(each and each.moved) for each in landed) == 1
    assert Delivery.objects.count() == 1
    assert generation.changes.filter(after=State.STORING).count() == 1


def test_eight_different_ones_at_once_are_all_kept_and_one_moves_it(lasting: World) -> None:
    generation = made(lasting, CASES["submitted"])
    texts = [str(number) for number in range(8)]
    race(*[lambda text=text: land(arrival(text=text)) for text in texts])
    assert Delivery.objects.count() == 8
    assert Delivery.objects.filter(processed_at=None).count() == 7
    assert generation.changes.filter(after=State.STORING).count() == 1


def test_a_delivery_waits_for_a_move_that_is_under_way(lasting: World) -> None:
    """What is decided is decided on the row as it is then, not as it was when the delivery came."""
    generation, landed = made(lasting, CASES["submitted"]), list[Landed | None]()

    def deliver() -> None:
        landed.append(land(arrival()))
        connections.close_all()

    thread = threading.Thread(target=deliver)
    with transaction.atomic():
        assert generation.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE)
        thread.start()
        thread.join(0.4)
        assert thread.is_alive()
    thread.join(30)
    assert landed == [Landed(generation.pk, "r-1", True)]
    assert (now(generation).state, now(generation).wake_at) == (State.FAILED, None)
    assert Delivery.objects.get().processed_at is None


@pytest.mark.parametrize("turn", range(6))
def test_a_poll_and_a_webhook_at_once_take_the_result_once(lasting: World, puppet: Puppet, turn: int) -> None:
    generation, taken = submitted(lasting, puppet)
    Attempt.objects.filter(pk=taken.pk).update(token_hash=hashed(TOKEN))
    race(
        lambda: motor.drive(generation.pk),
        lambda: land(arrival(str(taken.request_id))),
        lambda: motor.drive(generation.pk),
    )
    assert now(generation).state == State.STORING
    assert generation.changes.filter(after=State.STORING).count() == 1
    age(generation)
    motor.drive(generation.pk)
    assert not Delivery.objects.filter(processed_at=None).exists()


@pytest.mark.parametrize("turn", range(6))
def test_a_cancel_and_a_webhook_at_once_keep_both(lasting: World, puppet: Puppet, turn: int) -> None:
    generation, taken = submitted(lasting, puppet)
    Attempt.objects.filter(pk=taken.pk).update(token_hash=hashed(TOKEN))
    race(
        lambda: ask_to_cancel(generation),
        lambda: land(arrival(str(taken.request_id))),
    )
    after = now(generation)
    assert after.state == State.STORING
    assert after.cancel_requested_at


@pytest.mark.parametrize("turn", range(6))
def test_the_submits_answer_and_its_webhook_at_once_lose_neither(
    lasting: World, puppet: Puppet, turn: int
) -> None:
    generation, request = place(lasting), str(uuid.uuid4())
    landed = threading.Event()

    def answer() -> Any:
        Attempt.objects.filter(generation=generation).update(token_hash=hashed(TOKEN))
        connections.close_all()
        landed.set()
        return puppet.accepted(request)

    def webhook() -> None:
        assert landed.wait(30)
        land(arrival(request))

    puppet.script["submit"] = answer
    race(lambda: motor.drive(generation.pk), webhook)
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING
    assert puppet.submits == 1
    assert Attempt.objects.get(generation=generation).request_id == request
