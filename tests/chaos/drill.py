"""One run: set the stage, SAFETY under blows, QUIET until all has settled, then the judge."""

import contextlib
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import django
from django.db import DatabaseError, connection

from config.demo.environment import known_names
from config.demo.processes import wait_until
from config.demo.supervisor import handling, interrupt
from tests.chaos import outage
from tests.chaos.dead_fal import DeadFal
from tests.chaos.facts import Books, House
from tests.chaos.fal_says import Fal
from tests.chaos.forger import Forger
from tests.chaos.oracle import Evidence, Finding, concerned, judge
from tests.chaos.ordinary.crew import Ordinary
from tests.chaos.press import Press
from tests.chaos.product import Product
from tests.chaos.schedule import AFTERMATH, Blow, Schedule, schedule
from tests.chaos.stage import Stage, ever
from tests.chaos.wishes import Wishes

T = TypeVar("T")
LOOK = 0.25
TICK = 0.02
SHOWN = 20  # findings that are explained


@dataclass
class Outcome:
    """What a run came to."""

    wishes: Wishes
    schedule: Schedule
    stage: Stage
    evidence: Evidence
    press: Press
    findings: list[Finding]
    seconds: dict[str, float]
    faults: dict[str, dict[str, int]]
    forgeries: Counter[str]
    dead: DeadFal | None
    words: dict[str, list[str]]  # what the logs say of the rows that findings are about


def run(wishes: Wishes) -> Outcome:
    """The whole of it. Everything that was started is gone afterwards; the folder stays when asked to."""
    for name in known_names():
        os.environ.pop(name, None)  # whatever machine we are on, the run is its own
    with handling(interrupt), folder_for(wishes) as folder:
        stage = Stage(folder, wishes, Ordinary() if wishes.baseline else Product())
        try:
            return Drill(wishes, stage).perform()
        finally:
            stage.close()


class Drill:
    """The phases of a run, each timed."""

    def __init__(self, wishes: Wishes, stage: Stage) -> None:
        self.wishes, self.stage = wishes, stage
        self.schedule = schedule(wishes)
        self.seconds: dict[str, float] = {}
        self.dead: DeadFal | None = None
        self.flushed = time.monotonic()

    def perform(self) -> Outcome:
        with self.timed("start-up"):
            self.begin()
        with self.timed("safety"):
            self.outage() if self.wishes.outage else self.safety()
        with self.timed("quiet"):
            self.quiet()
        with self.timed("judging"):
            evidence = self.evidence()
            findings = judge(evidence)
            if self.dead:
                findings += outage.judged(self.dead, evidence.books, self.wishes.time_scale)
        self.stage.account()
        return Outcome(
            wishes=self.wishes,
            schedule=self.schedule,
            stage=self.stage,
            evidence=evidence,
            press=self.press,
            findings=findings,
            seconds=self.seconds,
            faults=self.fal.played(),
            forgeries=self.forger.answers,
            dead=self.dead,
            words=self.words(findings, evidence.books),
        )

    def words(self, findings: list[Finding], books: Books) -> dict[str, list[str]]:
        rows = {row.id for finding in findings[:SHOWN] if (row := concerned(finding, books))}
        return {row: self.stage.words_about(row) for row in rows}

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[phase] = time.monotonic() - began

    def begin(self) -> None:
        self.stage.open()
        self.house = house_of(self.stage)
        people = asked(lambda: self.house.populate(self.wishes))
        assert people is not None
        self.stage.wait_until_ready(self.stage.crew.ready)
        self.fal = Fal(self.stage.fal_address)
        self.forger = Forger(self.stage.port, self.wishes)
        self.press = Press(self.stage.port, people, self.wishes.rate, self.find)

    def find(self, form_key: str) -> str | None:
        return asked(lambda: self.house.find(form_key))

    def safety(self) -> None:
        """Orders and blows until all are posted, and a while longer."""
        began = time.monotonic()
        self.fal.pull("faults", self.schedule.faults)
        self.forger.start()
        self.press.start(self.schedule.orders)
        limit = 3 * self.wishes.n / self.wishes.rate + self.wishes.quiet_seconds
        blows = list(self.schedule.blows)
        posted_after = 0.0
        while True:
            self.stage.tend()
            self.flush()
            progress = self.press.answered / self.wishes.n
            if progress >= 1:
                posted_after = posted_after or time.monotonic() - began
                progress = (time.monotonic() - began) / posted_after
            while blows and blows[0].at <= progress:
                self.stage.strike(blows.pop(0))
            if time.monotonic() - began > limit:
                return  # the judge names the orders that nobody answered
            if progress >= 1 + (AFTERMATH if self.schedule.blows else 0):
                return
            time.sleep(TICK)

    def outage(self) -> None:
        """fal is away from the first order on, for six hours of business time."""
        self.dead = self.stage.take_fal_away()
        ends = time.monotonic() + outage.real_seconds(self.wishes.time_scale)
        self.press.start(self.schedule.orders)
        while time.monotonic() < ends or self.press.answered < self.wishes.n:
            self.stage.tend()
            time.sleep(LOOK)
        self.stage.bring_fal_back(self.dead)

    def flush(self) -> None:
        """Empty Redis if it is time to, whatever phase it is: that is what was asked for."""
        if self.wishes.flush_every and time.monotonic() > self.flushed + self.wishes.flush_every:
            self.flushed = time.monotonic()
            self.stage.strike(Blow(0, "flush"))

    def quiet(self) -> None:
        """No blow and no fault any more: it must settle, and we go on as soon as it has."""
        if not self.wishes.outage:
            self.forger.stop()
        # fal may be coming up after a kill; it keeps its plan until it hears otherwise.
        wait_until(self.fal.behaves, 10, alive=ever)
        ends = time.monotonic() + min(self.wishes.quiet_seconds, self.stage.crew.patience)
        while time.monotonic() < ends:
            self.stage.tend()
            self.flush()
            if asked(self.house.open) == 0 and not self.fal.owes():
                break
            time.sleep(LOOK)
        self.press.stop()

    def evidence(self) -> Evidence:
        books = self.house.books()
        return Evidence(
            submissions=self.fal.submissions(),
            books=books,
            placed=list(self.press.placed.values()),
            stored=stored(self.stage.place.media, ("clips", "posters")),
            violations=self.house.violations(),
            forgeries_accepted=self.forger.accepted,
            errors=self.press.tally.errors,
        )


def asked(question: Callable[[], T]) -> T | None:
    """The answer of a database that may be restarting: None when it has none now."""
    try:
        return question()
    except DatabaseError:
        connection.close()
        return None


def stored(root: Path, folders: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    """What really lies in the vault: key → size and digest."""
    found = {}
    for folder in folders:
        for file in (root / folder).rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                found[str(file.relative_to(root))] = (len(content), hashlib.sha256(content).hexdigest())
    return found


def house_of(stage: Stage) -> House:
    """Django is set up only now: the settings read the addresses of this run."""
    os.environ.update(stage.environment)
    django.setup()
    house: House = importlib.import_module(stage.crew.books).House()
    return house


@contextlib.contextmanager
def folder_for(wishes: Wishes) -> Iterator[Path]:
    """Unix sockets have room for about 100 bytes of path, so the folder's name is short."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
    folder.chmod(0o711)  # PostgreSQL may run as somebody else, and its own folder is below
    try:
        yield folder
    finally:
        if wishes.keep:
            shutil.copytree(folder, wishes.keep, ignore=shutil.ignore_patterns("pg", "programs"))
            print(f"kept in {wishes.keep}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
