"""Q2: ten thousand generations in flight on one worker process, which is killed again and again meanwhile.

Not part of a plain `benchmark`, for it takes a while: `manage.py benchmark flight [--in-flight N]`.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Sum
from redis import Redis
from rq import Queue

from accounts.models import LedgerEntry, Membership
from accounts.policy import Actor
from benchmarks import seeding
from benchmarks.crew import Crew, at_work, blocking_worker
from benchmarks.pairs import Ratio, Turns, say
from benchmarks.report import Fact, Found, Line
from benchmarks.reservation import ENDPOINT, VALUES, cost
from benchmarks.stage import Stage
from generations import orders
from generations.catalogue import find
from generations.invariants import violations
from generations.models import OPEN, Generation, State

NAME = DATABASE = "flight"
TEAM = 400  # clips that one team orders
KILLS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the way
FLUSHES = (0.35, 0.75)
LOOK = 1.0  # seconds between two looks
STALLED = 1200.0  # seconds without any progress after which it is given up
BLOCKING = "one blocking subscribe job per clip"
BLOCKED, BLOCKED_SECONDS = 20, 8.0
LOST = 0.02  # share of webhooks
BEFORE_FAL = (State.QUEUED, State.SUBMITTING)
# Room for all, and leases of a quarter of the usual length: who takes over from a killed worker waits for them.
RULES = {"FAL_MAX_IN_FLIGHT": "100000", "MEMBER_MAX_RUNNING": "100000", "FAL_TIMEOUT": "10"}


def measure(stage: Stage, turns: Turns) -> Found:
    """All out, all in flight, all settled; and how far a worker comes whose jobs wait."""
    count = turns.in_flight
    told = stage.fresh_database(DATABASE)
    with at_work(stage, told, **RULES, TIME_SCALE=str(turns.time_scale)) as crew:
        crew.misbehave({"seed": 1, "webhook": {"lost": LOST}})
        place(count)
        sent = Phase("sent", crew, stage, "worker").until(lambda: count - left(BEFORE_FAL), count)
        rows = crew.seen_by_fal()
        in_flight = [row["request_id"] for row in rows if row["ended_at"] is None]
        for request_id in in_flight:
            crew.finish(request_id)
        settled = Phase("settled", crew, stage, "media").until(lambda: count - left(tuple(OPEN)), count)
        waiting = blocked(stage, crew)
        facts = exact(count, crew, len(in_flight))
    ratio = len(in_flight) / max(1, waiting)
    line = Line("Q2", "in flight per worker process", BLOCKING, Ratio(ratio, ratio, ratio))
    return Found(NAME, [line], facts, [note(count, crew, sent, settled)])


def place(count: int) -> None:
    """The orders, by teams of a size that the product's own limits allow."""
    endpoint = find(ENDPOINT)
    quoted = cost()
    for team in range(-(-count // TEAM)):
        wallet = seeding.team(team, TEAM * quoted)
        actor = Actor.of(
            Membership.objects.select_related("user", "workspace").get(workspace=wallet.workspace)
        )
        for number in range(team * TEAM, min(count, (team + 1) * TEAM)):
            values = VALUES | {"prompt": f"Clip number {number} of many [never]"}
            orders.place(actor, orders.Order(endpoint, values, 1, uuid.uuid4(), quoted))


def left(states: Sequence[State]) -> int:
    """How many are in one of these states."""
    return Generation.objects.filter(state__in=states).count()


def blocked(stage: Stage, crew: Crew) -> int:
    """How many clips a worker has in flight whose jobs wait for theirs."""
    with blocking_worker(crew, stage) as name, Redis.from_url(stage.redis_url) as redis:
        for number in range(BLOCKED):
            arguments = VALUES | {"prompt": f"Blocking clip {number} [never]"}
            Queue(name, connection=redis).enqueue(
                "benchmarks.peers.subscribing.generate", ENDPOINT, arguments
            )
        time.sleep(BLOCKED_SECONDS)
        return sum(row["webhook"] is None for row in crew.seen_by_fal())


def exact(count: int, crew: Crew, in_flight: int) -> list[Fact]:
    """By fal's own journal, and by the books."""
    rows = [row for row in crew.seen_by_fal() if row["webhook"]]
    twice = sum(times - 1 for times in Counter(row["prompt"] for row in rows).values())
    charged = LedgerEntry.objects.filter(kind=LedgerEntry.Kind.CAPTURE).aggregate(sum=Sum("amount"))["sum"]
    return [
        Fact("Q2", f"in flight at once of the {len(rows)} that fal accepted", in_flight, len(rows)),
        # A worker that is killed between writing an attempt down and sending it has sent nothing.
        Fact("Q2", "never sent, and no kill explains it", max(0, count - len(rows) - crew.kills), 0),
        Fact("Q2", "accepted by fal more than once", twice, 0),
        Fact("Q2", "not settled", left(tuple(OPEN)), 0),
        Fact("Q2", "succeeded, of those that fal accepted", left((State.SUCCEEDED,)), len(rows)),
        Fact("Q2", "credits charged", -(charged or 0), len(rows) * cost()),
        Fact("", "invariants broken", len(list(violations())), 0),
    ]


def note(count: int, crew: Crew, sent: float, settled: float) -> str:
    return (
        f"{count:,} ordered; one drive and one media worker, killed with SIGKILL {crew.kills} times in all; "
        f"Redis emptied {2 * len(FLUSHES)} times, {LOST:.0%} of the webhooks lost. Everything was with fal "
        f"after {sent:.0f} s and settled {settled:.0f} s after fal had finished."
    )


@dataclass
class Phase:
    """A stretch of the way with its misfortunes, each of which happens once."""

    name: str
    crew: Crew
    stage: Stage
    victim: str

    def until(self, done: Callable[[], int], goal: int) -> float:
        """Look until so many are done; how many seconds it took."""
        begun = moved = time.monotonic()
        misfortunes, last = self.misfortunes(goal), -1
        due = next(misfortunes, None)
        while (now := done()) < goal:
            if now != last:
                last, moved = now, time.monotonic()
                say({"suite": NAME, "phase": self.name, "done": now, "seconds": round(moved - begun, 1)})
            if time.monotonic() - moved > STALLED:
                break
            while due and now >= due[0]:
                due[1]()
                due = next(misfortunes, None)
            time.sleep(LOOK)
        return time.monotonic() - begun

    def misfortunes(self, goal: int) -> Iterator[tuple[int, Callable[[], None]]]:
        """At how many done what happens."""
        kills = [(share, self.kill) for share in KILLS]
        flushes = [(share, self.flush) for share in FLUSHES]
        for share, act in sorted([*kills, *flushes], key=lambda each: each[0]):
            yield int(share * goal), act

    def kill(self) -> None:
        self.crew.kill(self.victim)

    def flush(self) -> None:
        with Redis.from_url(self.stage.redis_url) as redis:
            redis.flushall()
