"""Our own line in front of fal: who goes next, fairly, and how many are out at once.

fal works on a few requests of an account at a time and lets the rest wait, so one busy person would starve
everybody. What waits is therefore kept here. A place that becomes free goes to the workspace with the least
out by its share, in it to the member with the least out, and there to the oldest; equals take turns. Some
places are kept for short, cheap clips, so that none of those stands behind twenty long ones.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Case, Count, F, Max, Min, Value, When, Window
from django.db.models.functions import RowNumber

from accounts.models import Workspace
from generations import doorbell
from generations.failpoints import failpoint
from generations.models import Breaker, Generation
from generations.models.generation import GenerationQuerySet
from generations.timing import QUEUE_DEADLINE, business, now

# Any number, the same in every process: one dispatcher at a time counts and gives turns.
LOCK = 0x6C696E65


@dataclass(frozen=True)
class Waiting:
    """One that waits."""

    pk: uuid.UUID
    workspace: uuid.UUID
    author: int
    express: bool
    since: tuple[datetime, int]  # when it was ordered, and which take of that order it is


@dataclass
class Out:
    """What is out: by workspace, by member, and how much of it is long; and when each had their last turn."""

    workspaces: Counter[uuid.UUID] = field(default_factory=Counter)
    members: Counter[tuple[uuid.UUID, int]] = field(default_factory=Counter)
    express: int = 0
    long: int = 0
    # In seconds, of a workspace and of a member in it; 0 for who had none lately.
    turns: dict[uuid.UUID | tuple[uuid.UUID, int], float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Everything out."""
        return self.express + self.long

    def add(self, workspace: uuid.UUID, author: int, *, express: bool, count: int = 1) -> None:
        """So many more of a member's."""
        self.workspaces[workspace] += count
        self.members[workspace, author] += count
        self.express += count * express
        self.long += count * (not express)


@dataclass(frozen=True)
class Rules:
    """How many may be out, in all, per member, and how many places long clips leave free."""

    most: int
    member: int
    shares: Mapping[uuid.UUID, int]

    @property
    def reserved(self) -> int:
        """Places for short, cheap clips only: a fifth; none where there are so few that it would hurt."""
        return max(1, self.most // 5) if self.most >= 4 else 0

    def admits(self, one: Waiting, out: Out) -> bool:
        """Whether it may go at all now."""
        crowded = not one.express and out.long >= self.most - self.reserved
        return not crowded and out.members[one.workspace, one.author] < self.member

    @property
    def quick(self) -> int:
        """So many places go to short clips first; but an only place goes round."""
        return max(1, self.reserved) if self.most > 1 else 0

    def rank(self, one: Waiting, out: Out) -> tuple[float, float, int, float, tuple[datetime, int]]:
        """Least first: the workspace's load by its share, then the member's, then age.

        Of equals, whoever has had no turn for longer: with fewer places than workspaces all are equal, and
        by age the one with the longest line would have every place until all of it is done.
        """
        team, member = one.workspace, (one.workspace, one.author)
        load = out.workspaces[team] / max(1, self.shares.get(team, 1))
        return load, out.turns.get(team, 0), out.members[member], out.turns.get(member, 0), one.since


def choose(waiting: Iterable[Waiting], out: Out, rules: Rules, room: int) -> list[Waiting]:
    """Who gets the next `room` places; `out` is counted on. Pure, so that fairness can be proven."""
    lines: dict[tuple[uuid.UUID, int, bool], list[Waiting]] = {}
    for one in sorted(waiting, key=lambda each: each.since, reverse=True):
        lines.setdefault((one.workspace, one.author, one.express), []).append(one)
    chosen: list[Waiting] = []
    while len(chosen) < room:
        heads = [line[-1] for line in lines.values() if line and rules.admits(line[-1], out)]
        # A short clip need not win against the long ones.
        quick = [each for each in heads if each.express] if out.express < rules.quick else []
        if not heads:
            break
        best = min(quick or heads, key=lambda each: rules.rank(each, out))
        lines[best.workspace, best.author, best.express].pop()
        out.add(best.workspace, best.author, express=best.express)
        chosen.append(best)
    return chosen


def joined(newcomers: Sequence[Generation]) -> None:
    """Ring for who has just joined the line: one worker, which looks after everybody.

    Behind others there is no free place, and a job for each would keep the workers from those who have one:
    then the reconciler is told.
    """
    keys = [each.pk for each in newcomers]
    if Generation.objects.waiting().exclude(pk__in=keys).exists():
        doorbell.nudge()
    else:
        doorbell.poke(keys[0])


def move_up(*, besides: uuid.UUID | None = None) -> list[uuid.UUID]:
    """Give the free places to those whose turn it is, and ring for each `besides` one; who went."""
    try:
        with transaction.atomic(), _alone():
            turned = _turn()
    except OperationalError:  # somebody else has counted for too long; the next sweep will come by
        return []
    assert failpoint("line.turned")
    for pk in turned:
        if pk != besides:
            doorbell.poke(pk)
    return turned


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time, so that the bound is exact. SQLite's transactions are that by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    yield


def _turn() -> list[uuid.UUID]:
    moment = now()
    ready = Generation.objects.waiting().filter(
        wake_at__lte=moment, deadline_at__gt=moment, cancel_requested_at=None
    )
    if not ready.exists():
        return []
    breaker, out = Breaker.current(), _out()
    room = breaker.room(settings.FAL_MAX_IN_FLIGHT, out.total)
    trying = breaker.state == Breaker.State.TRYING
    if not room:
        return []
    if trying:
        # Not one that was refused before while another can: it may have been about that clip alone.
        room = 1
        ready = ready.filter(tries=ready.aggregate(least=Min("tries"))["least"])
    out.turns = _turns(ready, moment)
    chosen = [each.pk for each in choose(_heads(ready, room), out, _rules(breaker), room)]
    if trying and chosen and not breaker.claim_try():
        return []
    Generation.objects.waiting().filter(pk__in=chosen).update(turn_at=moment, poked_at=moment)
    return chosen


def _out() -> Out:
    out = Out()
    each = Generation.objects.out().annotate(express=_express()).order_by()
    counted = each.values_list("workspace", "author", "express").annotate(count=Count("pk"))
    for workspace, author, express, count in counted:
        out.add(workspace, author, express=express, count=count)
    return out


def _turns(ready: GenerationQuerySet, moment: datetime) -> dict[uuid.UUID | tuple[uuid.UUID, int], float]:
    """When those who wait had their last turn; longer ago than anything waits does not matter."""
    lately = Generation.objects.filter(
        workspace__in=ready.order_by().values("workspace"),
        created_at__gte=moment - 2 * business(QUEUE_DEADLINE),
        turn_at__isnull=False,
    )
    turns: dict[uuid.UUID | tuple[uuid.UUID, int], float] = {}
    grouped = lately.order_by().values_list("workspace", "author").annotate(last=Max("turn_at"))
    for workspace, author, last in grouped:
        turns[workspace, author] = last.timestamp()
        turns[workspace] = max(turns.get(workspace, 0), last.timestamp())
    return turns


def _express() -> Case:
    return Case(When(cost__lte=settings.EXPRESS_CREDITS, then=Value(True)), default=Value(False))


def _heads(ready: GenerationQuerySet, room: int) -> list[Waiting]:
    """The oldest few of each member and kind: nobody gets more places than there are."""
    nth = Window(
        RowNumber(),
        partition_by=[F("workspace"), F("author"), F("express")],
        order_by=[F("created_at"), F("take")],
    )
    rows = ready.annotate(express=_express()).annotate(nth=nth).filter(nth__lte=room)
    each = rows.values_list("pk", "workspace", "author", "express", "created_at", "take")
    return [
        Waiting(pk, workspace, author, express, (created_at, take))
        for pk, workspace, author, express, created_at, take in each
    ]


def _rules(breaker: Breaker) -> Rules:
    shares = dict(Workspace.objects.exclude(share=1).values_list("pk", "share"))
    return Rules(breaker.places_of(settings.FAL_MAX_IN_FLIGHT), settings.MEMBER_MAX_RUNNING, shares)
