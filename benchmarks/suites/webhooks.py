"""W1, W2, W3: taking fal's webhooks in, against views that do less and a view that does it the usual way."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from redis import Redis

from benchmarks import seeding
from benchmarks.letters import Letter, Letters, forged
from benchmarks.pairs import WARM_UP, Rates, Turns, take_turns
from benchmarks.report import Fact, Found, Line, against
from benchmarks.servers import on_the_generators_core, pinned, serving
from benchmarks.stage import Stage
from benchmarks.traffic import CONNECTIONS, Burst, burst
from config.demo.environment import emulator_environment
from fal_emulator.server import serve
from generations.invariants import violations

NAME = DATABASE = "webhooks"
FUNDS = 10**12
# More per second than one core takes; a turn that runs out of letters ends early and is valid all the same.
MOST, MOST_BY_ORM = 3000, 1000
REPLAYED = 2000
SPARE = int(WARM_UP * (MOST + MOST_BY_ORM)) + 2 * REPLAYED
OURS, SIGNATURE, BARE, ORM = "the product's view", "signature only", "bare POST", "ORM select_for_update"
AGAIN = "delivered again"
ROOM = "webhooks/fal"


@dataclass
class Post:
    """Who brings letters to one view, and what came of it so far."""

    port: int
    room: str
    deal: Callable[[float], Iterable[Letter]]
    endless: bool = False
    bursts: list[Burst] = field(default_factory=list)

    def run(self, seconds: float) -> float:
        """One turn; the requests are made before it begins."""
        requests = [letter.to(self.port, self.room) for letter in self.deal(seconds)]
        with on_the_generators_core():
            self.bursts.append(burst(self.port, cycle(requests) if self.endless else iter(requests), seconds))
        return self.bursts[-1].rate

    def accepted(self) -> int:
        """Answers of 200, in all turns."""
        return sum(each.statuses[200] for each in self.bursts)


def measure(stage: Stage, turns: Turns) -> Found:
    """All views in turns; then what must not add anything."""
    with serve(data=stage.folder / "fal") as fal:
        port = int(fal.url.rpartition(":")[2])
        told = stage.fresh_database(DATABASE) | emulator_environment(port)
        letters = Letters(fal.app.world.signer)
        seeding.teams(1, FUNDS)
        seeding.with_fal(int(turns.seconds * turns.pairs * (MOST + MOST_BY_ORM)) + SPARE)
        stage.execute("ANALYZE", DATABASE)
        with views(stage, told) as (product, peers):
            posts = contenders(letters, product, peers)
            rates = take_turns(NAME, {name: post.run for name, post in posts.items()}, turns)
            facts = [*durable(stage, posts), *nothing_added(stage, letters, product)]
    stage.execute("ANALYZE", DATABASE)
    facts.append(Fact("", "invariants broken", len(list(violations())), 0))
    return Found(NAME, lines(rates), facts, notes(posts))


@contextmanager
def views(stage: Stage, told: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The product and the peers, a server process each; only one of them is ever busy."""
    peers = told | {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.settings"}
    with (
        serving("product", "config.wsgi:application", told, stage.folder) as product,
        serving("peers", "config.wsgi:application", peers, stage.folder) as others,
    ):
        yield product, others


def contenders(letters: Letters, product: int, peers: int) -> dict[str, Post]:
    again = letters.fresh(REPLAYED // 10)
    Post(product, ROOM, lambda _: again).run(60)

    def fresh(most: int) -> Callable[[float], list[Letter]]:
        return lambda seconds: letters.fresh(int(seconds * most))

    return {
        OURS: Post(product, ROOM, fresh(MOST)),
        SIGNATURE: Post(peers, "signature", lambda _: again, endless=True),
        BARE: Post(peers, "bare", lambda _: again, endless=True),
        ORM: Post(peers, "orm", fresh(MOST_BY_ORM)),
        AGAIN: Post(product, ROOM, lambda _: again, endless=True),
    }


def lines(rates: Rates) -> list[Line]:
    return [
        against(rates, "W1", OURS, SIGNATURE, floor=0.45),
        against(rates, "W2", OURS, BARE, floor=0.22),
        against(rates, "", OURS, ORM),
        against(rates, "", ORM, SIGNATURE),
        against(rates, "", ORM, BARE),
        against(rates, "W3", AGAIN, OURS),
    ]


def durable(stage: Stage, posts: dict[str, Post]) -> list[Fact]:
    """What was answered with 200 is in the database, and its generation has moved on."""
    # Those that are delivered again and again were stored when they came first.
    wanted = posts[OURS].accepted() + posts[ORM].accepted() + len(list(posts[AGAIN].deal(0)))
    kept = stage.ask(DATABASE, "SELECT count(*) FROM generations_delivery")
    moved = stage.ask(DATABASE, "SELECT count(*) FROM generations_generation WHERE state = 'storing'")
    return [
        Fact("W1", "deliveries stored of those answered 200", kept, wanted),
        Fact("W1", "generations moved on by them", moved, wanted),
    ]


def nothing_added(stage: Stage, letters: Letters, product: int) -> list[Fact]:
    """W3: rows and jobs that repeated and forged deliveries leave, and statements that forged ones run."""
    first = letters.fresh(REPLAYED)
    Post(product, ROOM, lambda _: first).run(60)
    before = traces(stage)
    again = Post(product, ROOM, lambda _: first)
    again.run(60)
    after = traces(stage)
    genuine = letters.fresh(1)[0]
    lies = forged(genuine, letters.signed(letters.used, account="another-account")) * (REPLAYED // 10)
    lying = Post(product, ROOM, lambda _: lies)
    with statements(stage) as spoken:
        lying.run(60)
        by_lies = spoken()
        Post(product, ROOM, lambda _: [genuine]).run(60)
        by_truth = spoken() - by_lies
    return [
        Fact("W3", f"rows and jobs added by {again.accepted()} repeated deliveries", after - before, 0),
        Fact("W3", f"statements run by {len(lies)} forged deliveries", by_lies, 0),
        Fact("W3", "forged deliveries taken", lying.accepted(), 0),
        Fact("", "a genuine one beside them is seen to run statements", by_truth > 0, True),
    ]


def traces(stage: Stage) -> int:
    """Everything a delivery may leave behind: rows and bells."""
    tables = (
        "generations_delivery",
        "generations_statechange",
        "accounts_ledgerentry",
        "accounts_auditevent",
    )
    rows = sum(int(stage.ask(DATABASE, f"SELECT count(*) FROM {table}")) for table in tables)
    with Redis.from_url(stage.redis_url) as redis:
        return rows + sum(int(redis.llen(f"rq:queue:{name}")) for name in ("drive", "media"))


@contextmanager
def statements(stage: Stage) -> Iterator[Callable[[], int]]:
    """How many statements were run on the suite's database since the block began, by PostgreSQL's own log."""
    begun = len(stage.log())
    logging(stage, "all")
    pattern = re.compile(rf"^{DATABASE} LOG:  (?:statement|execute)", re.MULTILINE)
    try:
        yield lambda: len(pattern.findall(stage.log()[begun:]))
    finally:
        logging(stage, "none")


def logging(stage: Stage, what: str) -> None:
    stage.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
    stage.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)  # a signal travels to every backend


def notes(posts: dict[str, Post]) -> list[str]:
    """How far the figures can be trusted."""
    busiest = max(max(burst.busy for burst in post.bursts) for post in posts.values())
    pin = "server and generator on a core each" if pinned() else "no core set apart"
    slow = max(burst.wait_of(0.99) for burst in posts[OURS].bursts)
    where = (
        f"One granian process with 4 threads, {CONNECTIONS} connections, {pin}, PostgreSQL and Redis on both."
    )
    load = f"The generator used at most {busiest:.0%} of its core."
    return [f"{where} {load}", f"99 % of our answers came within {slow * 1000:.0f} ms in the slowest turn."]
