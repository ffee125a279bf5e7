"""Who goes next: bounds that nothing exceeds, shares that come true, nobody who waits for ever."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import given as by_any
from hypothesis import settings as searching
from hypothesis import strategies as st

from accounts.models import Workspace
from generations import line, orders
from generations.line import Out, Rules, Waiting, choose
from generations.models import Breaker, Generation, State
from tests.generations.ageing import place
from tests.world import World, order

START = datetime(2026, 1, 1, tzinfo=UTC)
TEAMS = [uuid.UUID(int=number) for number in range(1, 6)]


def waiting(team: int, author: int, *, express: bool = False, at: int = 0) -> Waiting:
    return Waiting(uuid.uuid4(), TEAMS[team], author, express, (START + timedelta(seconds=at), 1))


def lines(most: int = 60) -> st.SearchStrategy[list[Waiting]]:
    one = st.builds(
        waiting, st.integers(0, 4), st.integers(0, 2), express=st.booleans(), at=st.integers(0, 1000)
    )
    return st.lists(one, max_size=most)


@st.composite
def rules(draw: Any) -> Rules:
    shares = draw(st.dictionaries(st.sampled_from(TEAMS), st.integers(1, 5)))
    return Rules(draw(st.integers(1, 40)), draw(st.integers(1, 20)), shares)


def counted(chosen: Sequence[Waiting]) -> Out:
    out = Out()
    for one in chosen:
        out.add(one.workspace, one.author, express=one.express)
    return out


# ── The choice ──────────────────────────────────────────────────────────────────────────────────


@searching(deadline=None, max_examples=60)
@by_any(lines(), lines(20), rules(), st.integers(0, 40))
def test_no_bound_is_exceeded(queue: list[Waiting], already: list[Waiting], by: Rules, room: int) -> None:
    before, out = counted(already), counted(already)
    chosen = choose(queue, out, by, room)
    assert len(chosen) <= room
    assert len({each.pk for each in chosen}) == len(chosen)
    assert {each.pk for each in chosen} <= {each.pk for each in queue}
    for member, count in out.members.items():
        assert count <= max(by.member, before.members[member])
    assert out.long <= max(by.most - by.reserved, before.long)
    assert out.total == before.total + len(chosen)


@searching(deadline=None, max_examples=60)
@by_any(lines(), rules(), st.integers(0, 40))
def test_no_place_stays_empty_while_somebody_may_have_it(queue: list[Waiting], by: Rules, room: int) -> None:
    out = Out()
    chosen = choose(queue, out, by, room)
    left = {each.pk: each for each in queue}
    for each in chosen:
        del left[each.pk]
    assert len(chosen) == room or not any(by.admits(each, out) for each in left.values())


@searching(deadline=None, max_examples=60)
@by_any(lines(), rules(), st.integers(1, 40))
def test_a_members_clips_of_a_kind_go_in_the_order_they_were_ordered(
    queue: list[Waiting], by: Rules, room: int
) -> None:
    chosen = choose(queue, Out(), by, room)
    for first, then in pairwise(chosen):
        same = (first.workspace, first.author, first.express) == (then.workspace, then.author, then.express)
        assert not same or first.since <= then.since


class Simulation:
    """Teams that always have more to do, the first of them for the longest time; fal ends what it likes."""

    def __init__(self, shares: Sequence[int], most: int, seed: int) -> None:
        self.rules = Rules(most, most, dict(zip(TEAMS, shares, strict=False)))
        self.teams, self.draw = len(shares), random.Random(seed)
        self.running: list[Waiting] = []
        self.gone: Counter[uuid.UUID] = Counter()
        self.turns: dict[Any, int] = {}

    def step(self, *more: Waiting) -> None:
        """Some end; the places go to the next."""
        self.draw.shuffle(self.running)
        del self.running[: self.draw.randint(1, 3)]
        self.fill(*more)

    def fill(self, *more: Waiting) -> None:
        queue = [waiting(team, 0, at=team) for team in range(self.teams) for _ in range(self.rules.most)]
        out = counted(self.running)
        out.turns = {key: float(turn) for key, turn in self.turns.items()}
        chosen = choose([*queue, *more], out, self.rules, self.rules.most - out.total)
        self.running += chosen
        self.gone.update(each.workspace for each in chosen)
        for number, each in enumerate(chosen, start=sum(self.gone.values())):
            self.turns[each.workspace] = self.turns[each.workspace, each.author] = number

    def out(self) -> list[int]:
        """Running of each team."""
        each = Counter(one.workspace for one in self.running)
        return [each[team] for team in TEAMS[: self.teams]]


@searching(deadline=None, max_examples=60)
@by_any(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.integers(1, 4), st.integers(0, 99))
def test_shares_come_true(shares: list[int], times: int, seed: int) -> None:
    """Exactly, where the places divide so; whatever ended, and however unjust it was before."""
    places = sum(shares) * times
    most = next(
        total for total in range(places, 2 * places + 9) if total - Rules(total, 1, {}).reserved == places
    )
    busy = Simulation(shares, most, seed)
    busy.running = [waiting(0, 0) for _ in range(places)]  # the first had all of it
    for _ in range(places * 6):
        busy.step()
    for count, share in zip(busy.out(), shares, strict=True):
        assert abs(count - share * times) <= 1


@searching(deadline=None, max_examples=60)
@by_any(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(1, 40), st.integers(0, 99))
def test_nobody_has_more_than_a_share_rounded_up(shares: list[int], most: int, seed: int) -> None:
    busy = Simulation(shares, most, seed)
    busy.fill()
    places = most - busy.rules.reserved
    for count, share in zip(busy.out(), shares, strict=True):
        assert count < share * places / sum(shares) + 1


@searching(deadline=None, max_examples=60)
@by_any(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(1, 12), st.integers(0, 99))
def test_no_team_starves(shares: list[int], most: int, seed: int) -> None:
    busy = Simulation(shares, most, seed)
    busy.fill()
    for _ in range(sum(shares) * 8):
        busy.step()
    assert all(busy.gone[team] for team in TEAMS[: len(shares)])


@searching(deadline=None, max_examples=60)
@by_any(st.integers(1, 12), st.integers(0, 99))
def test_an_endless_stream_of_short_clips_starves_no_long_one(most: int, seed: int) -> None:
    busy = Simulation([1, 1], most, seed)
    for _ in range(40):
        busy.step(*(waiting(2, 0, express=True) for _ in range(most)))
    assert busy.gone[TEAMS[0]]
    assert busy.gone[TEAMS[1]]
    assert busy.gone[TEAMS[2]]


@pytest.mark.parametrize("most", [2, 4, 10, 40])
def test_a_short_clip_is_not_behind_twenty_long_ones(most: int) -> None:
    by, out = Rules(most, most, {}), Out()
    long = [waiting(0, 0, at=at) for at in range(2 * most + 20)]
    running = choose(long, out, by, most)
    queue = [each for each in long if each not in running]
    short = waiting(1, 0, express=True, at=9999)
    room = most - out.total or 1  # where no place is kept, the next one to become free
    assert choose([*queue, short], out, by, room)[0] == short


# ── The dispatcher ──────────────────────────────────────────────────────────────────────────────


def together(count: int, deed: Any) -> None:
    """So many threads do it at once."""
    barrier, errors = threading.Barrier(count), list[BaseException]()

    def run() -> None:
        try:
            barrier.wait(30)
            deed()
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert errors == []


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["many", "one member"])
def test_of_eight_dispatchers_at_once_none_exceeds_the_bound(
    lasting: World, settings: Any, kind: str
) -> None:
    settings.FAL_MAX_IN_FLIGHT, settings.MEMBER_MAX_RUNNING = (7, 5)
    people = [lasting.alice] if kind == "one member" else [lasting.alice, lasting.bob, lasting.eve]
    for who in people:
        orders.place(who, order(who, takes=4))
        orders.place(who, order(who, takes=4))
    went: list[uuid.UUID] = []
    together(8, lambda: went.extend(line.move_up()))
    expected = 5 if kind == "one member" else 7
    assert len(went) == len(set(went)) == Generation.objects.out().count() == expected
    together(8, line.move_up)
    assert Generation.objects.out().count() == expected


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_where_there_are_fewer_places_than_teams_they_take_turns(lasting: World, settings: Any) -> None:
    """Not by age: who has ordered for days would have every place until all of that is done."""
    settings.FAL_MAX_IN_FLIGHT = 1
    for who in (lasting.alice, lasting.eve):
        orders.place(who, order(who, takes=3))
    went = []
    for _ in range(4):
        (key,) = line.move_up()
        generation = Generation.objects.get(pk=key)
        went.append(generation.author_id)
        assert generation.finish(State.CANCELLED, cause="test")
    assert went == [lasting.alice.user.pk, lasting.eve.user.pk] * 2


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_share_counts_in_the_dispatcher(lasting: World, settings: Any) -> None:
    settings.FAL_MAX_IN_FLIGHT = 8
    Workspace.objects.filter(pk=lasting.alice.workspace.pk).update(share=3)
    for who in (lasting.alice, lasting.eve):
        for _ in range(2):
            orders.place(who, order(who, takes=4))
    line.move_up()
    out = Counter(Generation.objects.out().values_list("workspace", flat=True))
    assert (out[lasting.alice.workspace.pk], out[lasting.eve.workspace.pk]) == (6, 2)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_while_fal_is_tried_again_one_goes_and_only_where_there_is_a_place(
    lasting: World, settings: Any
) -> None:
    settings.FAL_MAX_IN_FLIGHT = 1
    first, second = place(lasting), place(lasting)
    assert line.move_up() == [first.pk]
    assert Generation.objects.get(pk=first.pk).claim(State.SUBMITTING, seconds=60, cause="test")
    Breaker.objects.create(state=Breaker.State.TRYING)
    assert line.move_up() == []
    settings.FAL_MAX_IN_FLIGHT = 5
    assert line.move_up() == [second.pk]
    third = place(lasting)
    assert line.move_up() == []
    assert Generation.objects.get(pk=third.pk).turn_at is None


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shut", [{"state": Breaker.State.OPEN}, {"state": Breaker.State.CLOSED}])
def test_while_the_door_is_shut_or_fal_wants_quiet_nobody_gets_a_turn(
    lasting: World, shut: dict[str, Any]
) -> None:
    later = timezone.now() + timedelta(minutes=1)
    Breaker.objects.create(**shut, until=later, quiet_until=later if shut["state"] == "closed" else None)
    waits = place(lasting)
    assert line.move_up() == []
    assert Generation.objects.get(pk=waits.pk).turn_at is None
    Breaker.objects.update(state=Breaker.State.CLOSED, until=None, quiet_until=None)
    assert line.move_up() == [waits.pk]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_who_may_not_go_does_not_use_up_the_one_try(lasting: World, settings: Any) -> None:
    settings.MEMBER_MAX_RUNNING = 1
    running = place(lasting)
    assert line.move_up() == [running.pk]
    place(lasting)  # waits: its author has one out
    Breaker.objects.create(state=Breaker.State.TRYING)
    assert line.move_up() == []
    theirs = orders.place(lasting.eve, order(lasting.eve))[0]
    assert line.move_up() == [theirs.pk]
