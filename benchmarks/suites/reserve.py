"""R1, R2: reserving credits and writing a generation down, over ten thousand wallets, four clients."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import pgbench, seeding
from benchmarks.clients import Team, team
from benchmarks.pairs import Contender, Rates, Turns, ratio, take_turns
from benchmarks.peers import hordak
from benchmarks.report import Fact, Found, Line
from benchmarks.stage import Stage, migrate

NAME = "reserve"
CLIENTS = 4
WALLETS = 10_000
FUNDS = 10**12
OURS, ORDER = "hold and rows", "whole order"
ONE, THREE = "pgbench, same statement", "pgbench, three statements"
ORM, HORDAK = "ORM select_for_update", "django-hordak transfer"


def measure(stage: Stage, turns: Turns) -> Found:
    """All contenders in turns."""
    database = "reserve"
    told = stage.fresh_database(database)
    seeding.teams(WALLETS, FUNDS)
    with ExitStack() as stack:
        ours, orm = (
            stack.enter_context(team(operation, CLIENTS, told, hot=False))
            for operation in ("benchmarks.reservation:hold", "benchmarks.peers.orm:reserve")
        )
        order = stack.enter_context(team("benchmarks.reservation:place", CLIENTS, told, hot=False))
        contenders: dict[str, Contender] = {
            OURS: ours.work,
            ONE: pgbench.Bench(stage, database, pgbench.one_statement(stage.folder, False), CLIENTS).run,
            THREE: pgbench.Bench(stage, database, pgbench.three_statements(stage.folder, False), CLIENTS).run,
            ORM: orm.work,
            ORDER: order.work,
        }
        contenders |= stack.enter_context(hordak_team(stage, CLIENTS, hot=False))
        rates = take_turns(NAME, contenders, turns)
        facts = exact(stage, database, [ours, orm, order])
    return Found(NAME, lines(rates), facts, [note(rates)])


@contextmanager
def hordak_team(stage: Stage, clients: int, *, hot: bool) -> Iterator[dict[str, Contender]]:
    """A team on a database of its own; nobody where the library is not installed."""
    if not hordak.installed():
        yield {}
        return
    database = "hordak"
    stage.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    stage.execute(f"CREATE DATABASE {database}")
    told = stage.told(database, DJANGO_SETTINGS_MODULE=hordak.SETTINGS)
    migrate(told, stage.folder)
    with team("benchmarks.peers.hordak:transfer", clients, told, hot=hot) as hired:
        yield {HORDAK: hired.work}


def lines(rates: Rates) -> list[Line]:
    def compared(goal: str, ours: str, theirs: str, floor: float | None = None) -> Line:
        known = ours in rates and theirs in rates
        return Line(goal, ours, theirs, ratio(rates[ours], rates[theirs]) if known else None, floor)

    return [
        compared("R1", OURS, ONE, 0.50),
        compared("R2", OURS, THREE, 0.70),
        compared("", OURS, ORM),
        compared("", OURS, HORDAK),
        compared("", ORM, ONE),
        compared("", HORDAK, ONE),
        compared("", ORDER, ONE),
    ]


def exact(stage: Stage, database: str, teams: list[Team]) -> list[Fact]:
    """The books after it all."""
    apart = (
        "SELECT count(*) FROM accounts_wallet w LEFT JOIN (SELECT wallet_id, sum(amount) AS total "
        "FROM accounts_hold WHERE state = 'held' GROUP BY 1) h ON h.wallet_id = w.id "
        "WHERE w.held <> coalesce(h.total, 0)"
    )
    bare = "SELECT count(*) FROM accounts_hold h LEFT JOIN generations_generation g ON g.hold_id = h.id WHERE g.id IS NULL"
    return [
        Fact("", "wallets whose holds do not add up", stage.ask(database, apart), 0),
        Fact("", "holds without their generation", stage.ask(database, bare), 0),
        Fact("", "errors", dict(sum((each.tally.errors for each in teams), start=type(teams[0].tally.errors)())), {}),
    ]


def note(rates: Rates) -> str:
    return f"{CLIENTS} clients, {WALLETS} wallets."
