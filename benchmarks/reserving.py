"""The contenders that reserve credits, and what their books must say afterwards."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import pgbench, seeding
from benchmarks.clients import Team, team
from benchmarks.pairs import Contender, Rates, Turns, take_turns
from benchmarks.peers import hordak
from benchmarks.report import Fact
from benchmarks.stage import Stage, migrate

FUNDS = 10**12
BEFORE = 1_300  # orders that are there when it begins, for each second that a contender will run
HOLD, ORDER = "hold with its rows", "whole order"
ONE, EACH = "pgbench, the same statement", "pgbench, a statement for each row"
THREE = "pgbench, three statements at most"
ORM, HORDAK = "ORM select_for_update", "django-hordak transfer"
OPERATIONS = {
    HOLD: "benchmarks.reservation:hold",
    ORDER: "benchmarks.reservation:place",
    ORM: "benchmarks.peers.orm:reserve",
}
SCRIPTS: dict[str, Callable[[Path, bool], Path]] = {
    ONE: pgbench.one_statement,
    EACH: pgbench.statement_each,
    THREE: pgbench.three_statements,
}
WRONG_WALLETS = """
    SELECT count(*) FROM accounts_wallet w
      LEFT JOIN (SELECT wallet_id, sum(amount) AS total FROM accounts_hold WHERE state = 'held' GROUP BY 1) h
        ON h.wallet_id = w.id
     WHERE w.held <> coalesce(h.total, 0)
"""
BARE_HOLDS = """
    SELECT count(*) FROM accounts_hold h
      LEFT JOIN generations_generation g ON g.hold_id = h.id
     WHERE g.id IS NULL
"""
TURN, MOST_TURNS = 1.0, 120


@dataclass(frozen=True)
class Crowd:
    """So many clients on so many wallets, in a database of their own."""

    stage: Stage
    database: str
    clients: int
    wallets: int

    def compete(self, turns: Turns, names: Sequence[str]) -> tuple[Rates, list[Fact]]:
        """Rates of the contenders, in turns; and what the books say then."""
        told = self.stage.fresh_database(self.database)
        told["MEMBER_MAX_QUEUED"] = str(10**9)  # the first team has all the older orders
        seeding.teams(self.wallets, FUNDS)
        seeding.ordered(int(BEFORE * turns.seconds * turns.pairs))
        self.stage.execute("ANALYZE", self.database)
        hot = self.wallets == 1
        with ExitStack() as stack:
            teams = {
                name: stack.enter_context(team(OPERATIONS[name], self.clients, told, hot=hot))
                for name in names
                if name in OPERATIONS
            }
            contenders: dict[str, Contender] = {name: hired.work for name, hired in teams.items()}
            contenders |= {name: self.bench(name, hot).run for name in names if name in SCRIPTS}
            if HORDAK in names:
                contenders |= stack.enter_context(self.hordak(hot))
            rates = take_turns(self.database, contenders, turns)
        return rates, self.books(list(teams.values()))

    def bench(self, name: str, hot: bool) -> pgbench.Bench:
        script = SCRIPTS[name](self.stage.folder, hot)
        return pgbench.Bench(self.stage, self.database, script, self.clients)

    @contextmanager
    def hordak(self, hot: bool) -> Iterator[dict[str, Contender]]:
        """A team on a database of its own; nobody where the library is not installed."""
        if not hordak.installed():
            yield {}
            return
        database = "hordak"
        self.stage.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.stage.execute(f"CREATE DATABASE {database}")
        told = self.stage.told(database, DJANGO_SETTINGS_MODULE=hordak.SETTINGS)
        migrate(told, self.stage.folder)
        with team("benchmarks.peers.hordak:transfer", self.clients, told, hot=hot) as hired:
            yield {HORDAK: hired.work}

    def books(self, teams: Sequence[Team]) -> list[Fact]:
        """What must be so, however fast it went."""
        errors: Counter[str] = sum((each.tally.errors for each in teams), Counter())
        for words, count in errors.items():
            print(f"{count} times {words}", file=sys.stderr)
        where = f"{self.clients} clients"
        return [
            Fact(
                "",
                f"wallets whose holds do not add up, {where}",
                self.stage.ask(self.database, WRONG_WALLETS),
                0,
            ),
            Fact(
                "", f"holds without their generation, {where}", self.stage.ask(self.database, BARE_HOLDS), 0
            ),
            Fact("", f"errors, {where}", errors.total(), 0),
        ]


def granted(crowd: Team, affordable: int, whose: str) -> list[Fact]:
    """Everybody asks until nobody gets anything any more."""
    for _ in range(MOST_TURNS):
        if not crowd.work(TURN):
            break
    return [
        Fact("H2", f"holds granted {whose} where {affordable} can be paid", crowd.tally.done, affordable),
        Fact("", f"errors {whose} meanwhile", crowd.tally.errors.total(), 0),
    ]
