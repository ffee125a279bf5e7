"""S1: the same hold on SQLite, by six processes at once, and not one lock error."""

import os
import subprocess
import sys
from contextlib import ExitStack

from benchmarks.clients import Team, team
from benchmarks.pairs import Rates, Turns, take_turns
from benchmarks.report import Fact, Found, against
from benchmarks.reservation import cost
from benchmarks.reserving import FUNDS, HOLD, OPERATIONS, ORM, granted
from benchmarks.stage import CannotMeasure, Stage, migrate
from config.bootstrap import ROOT

NAME = "sqlite"
CLIENTS = 6
WALLETS = 200
AFFORDABLE = 100
RAW = "raw sqlite3, the same rows"
UNTUNED = "ORM on Django's own SQLite settings"


def measure(stage: Stage, turns: Turns) -> Found:
    """Three ways to write the same rows; then a wallet that can pay for so many and no more."""
    told = database(stage, "rich", WALLETS, FUNDS)
    untuned = told | {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.plain_sqlite_settings"}
    with ExitStack() as stack:
        ours, raw, theirs = (
            stack.enter_context(team(operation, CLIENTS, environment, hot=False))
            for operation, environment in (
                (OPERATIONS[HOLD], told),
                ("benchmarks.peers.raw_sqlite:reserve", told),
                (OPERATIONS[ORM], untuned),
            )
        )
        rates = take_turns(NAME, {HOLD: ours.work, RAW: raw.work, UNTUNED: theirs.work}, turns)
    return result(rates, ours, theirs, exactly(stage))


def result(rates: Rates, ours: Team, theirs: Team, facts: list[Fact]) -> Found:
    lines = [against(rates, "S1", HOLD, RAW, floor=0.25), against(rates, "", HOLD, UNTUNED)]
    note = (
        f"{CLIENTS} processes. The longest that one of our holds waited: {ours.tally.worst:.1f} s. Django's "
        f"own settings gave {theirs.tally.errors.total():,} errors beside {theirs.tally.done:,} holds "
        f"({', '.join(theirs.tally.errors) or 'none'})."
    )
    errors = Fact("S1", f"errors beside {ours.tally.done} holds", ours.tally.errors.total(), 0)
    return Found(NAME, lines, [errors, *facts], [note])


def exactly(stage: Stage) -> list[Fact]:
    """H2 on SQLite."""
    told = database(stage, "scarce", 1, AFFORDABLE * cost())
    with team(OPERATIONS[HOLD], CLIENTS, told, hot=True) as crowd:
        return granted(crowd, AFFORDABLE, f"of {CLIENTS} processes on SQLite")


def database(stage: Stage, name: str, wallets: int, funds: int) -> dict[str, str]:
    """A file with tables and teams; what its processes are told."""
    told = {**stage.environment, "DATABASE_URL": f"sqlite:///{stage.folder / name}.sqlite3"}
    migrate(told, stage.folder)
    command = [sys.executable, "-m", "benchmarks.seed", str(wallets), str(funds)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotMeasure(f"no teams on SQLite:\n{done.stderr[-2000:]}")
    return told
