"""The processes of a run: servers, fal and the crew, in a folder of their own; and the blows they take."""

import contextlib
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import httpx
import redis as redis_client

from config.demo import redis, static
from config.demo.crew import emulator
from config.demo.environment import EMULATOR_ACCOUNT, emulator_environment
from config.demo.ports import LOOPBACK, free_port
from config.demo.processes import Child, wait_until
from config.demo.workplace import Workplace
from tests import postgres
from tests.chaos.burn import burned
from tests.chaos.dead_fal import DeadFal
from tests.chaos.schedule import Blow
from tests.chaos.wishes import Wishes

PATIENCE = 60.0
# Committed must mean committed: an immediate stop loses whatever was acknowledged before it was written.
DURABLE = postgres.SETTINGS | {"synchronous_commit": "on"}
ATTEMPTS_TO_LIVE = 20


class NotReady(Exception):
    """A process did not come up; the run cannot begin."""


class Crew(Protocol):
    """What is put to the test, as far as the stage must know it: the product, or the ordinary one."""

    settings: str
    books: str  # a module with a `House`, to be imported once Django is set up
    ready: str  # a path that answers when the pages do
    patience: float  # seconds after which nothing more is expected of it

    def commands(self, port: int) -> Mapping[str, list[str]]:
        """The processes that are started, and may be killed."""

    def prepare(self, port: int) -> list[list[str]]:
        """Commands that run once before."""


class Stage:
    """Starts everything; knows how to hurt it and how to bring it back."""

    def __init__(self, folder: Path, wishes: Wishes, crew: Crew) -> None:
        self.wishes, self.crew = wishes, crew
        self.place = Workplace(folder)
        for path in (self.place.media, self.place.mail, self.place.logs, self.place.emulator):
            path.mkdir(parents=True, exist_ok=True)
        self.place.redis.mkdir()
        self.port, self.fal_port = free_port(), free_port()
        self.children: dict[str, Child] = {}
        self.blows: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.processor: defaultdict[str, float] = defaultdict(float)
        self._counted: dict[str, float] = {}

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def fal_address(self) -> str:
        return f"http://{LOOPBACK}:{self.fal_port}"

    def open(self) -> None:
        """Servers and fal first, then what only runs once, then the crew. Raises NotReady."""
        self.children["redis"], self.redis_url = redis.start(self.place.redis, self.place.logs / "redis.log")
        self.environment = self._environment(self._database())
        self._add(self._emulator())
        for number, command in enumerate(self.crew.prepare(self.port)):
            self._run_once(Child(f"prepare-{number}", command, self._log("prepare"), self.environment))
        static.remember()
        for name, command in self.crew.commands(self.port).items():
            self._add(Child(name, command, self._log(name), self.environment))

    def wait_until_ready(self, path: str) -> None:
        """Until the pages and fal answer, and every worker has said that it is there."""
        for url in (self.address + path, f"{self.fal_address}/_emulator/outage"):
            if not wait_until(lambda url=url: answers(url), PATIENCE, alive=self.children["web"].alive):  # type: ignore[misc]
                raise NotReady(f"{url} does not answer;\n{self.children['web'].last_lines()}")
        working = [name for name, child in self.children.items() if "rqworker" in child.command]
        with redis_client.Redis.from_url(self.redis_url) as server:
            if not wait_until(lambda: int(server.scard("rq:workers")) >= len(working), PATIENCE, alive=ever):
                raise NotReady("not every worker came up")

    def strike(self, blow: Blow) -> None:
        """One blow. A supervisor would start again what died, at once; so do we."""
        self.blows[f"{blow.kind} {blow.victim}".strip()] += 1
        if blow.kind == "kill":
            self.kill(blow.victim)
        elif blow.kind == "flush":
            self.flush()
        elif blow.kind == "redis":
            self.kill("redis")
        else:
            how = signal.SIGQUIT if blow.kind == "postgres immediate" else signal.SIGINT
            self._restart_postgres(how)

    def kill(self, name: str) -> None:
        """SIGKILL to the process and its whole group, and a fresh one."""
        child = self.children.get(name)
        if child is None:  # the ordinary studio has no reconciler
            return
        self.account()
        os.killpg(child.pid, signal.SIGKILL)
        child.stop(5)
        self._again(child)

    def flush(self) -> None:
        """Empty Redis."""
        with (
            contextlib.suppress(redis_client.RedisError),
            redis_client.Redis.from_url(self.redis_url) as server,
        ):
            server.flushall()

    def take_fal_away(self) -> DeadFal:
        """Until `bring_fal_back`, something else stands on its port."""
        self.fal = self.children.pop("emulator")
        self.fal.stop(5)
        return DeadFal(self.fal_port)

    def bring_fal_back(self, outage: DeadFal) -> None:
        outage.close()
        self._add(self.fal)
        wait_until(lambda: answers(f"{self.fal_address}/_emulator/faults"), PATIENCE, alive=self.fal.alive)

    def tend(self) -> None:
        """Start again whatever ended by itself, and remember that it did."""
        for name, child in self.children.items():
            if not child.alive():
                self.ended[name] += 1
                if self.ended[name] > ATTEMPTS_TO_LIVE:
                    raise NotReady(f"{name} keeps ending:\n{child.last_lines()}")
                self._again(child)

    def account(self) -> None:
        """Add up the processor time of everybody up to now."""
        now = burned({child.name: child.pid for child in self.children.values()})
        for name, seconds in now.items():
            self.processor[name] += seconds - self._counted.get(name, 0.0)
            self._counted[name] = seconds

    def words_about(self, subject: str, most: int = 15) -> list[str]:
        """The last lines in anybody's log that name something."""
        found = []
        for log in sorted(self.place.logs.glob("*.log")):
            said = log.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{log.stem}: {line[:200]}" for line in said if subject in line]
        return found[-most:]

    def close(self) -> None:
        """Nothing that was started here is left running."""
        for child in reversed(self.children.values()):
            child.ask_to_stop(signal.SIGINT if child.name == "postgres" else signal.SIGTERM)
        for child in reversed(self.children.values()):
            child.wait_and_kill(5)

    def _again(self, child: Child) -> None:
        self._counted[child.name] = 0.0
        child.start()

    def _restart_postgres(self, how: signal.Signals) -> None:
        child = self.children["postgres"]
        self.account()
        child.stop(10, how)
        self._again(child)
        wait_until((Path(self.socket) / ".s.PGSQL.5432").exists, 10, alive=child.alive)

    def _add(self, child: Child) -> None:
        self.children[child.name] = child
        child.start()

    def _run_once(self, child: Child) -> None:
        child.start()
        while child.alive():
            time.sleep(0.02)
        if child.exit_code():
            raise NotReady(f"{child.command} failed:\n{child.last_lines()}")

    def _log(self, name: str) -> Path:
        return self.place.logs / f"{name}.log"

    def _database(self) -> str:
        if self.wishes.database == "sqlite":
            return f"sqlite:///{self.place.database}"
        self.children["postgres"], self.socket = postgres.start(self.place.directory, DURABLE)
        return f"postgres://postgres@/postgres?host={self.socket}"

    def _emulator(self) -> Child:
        child = emulator(self.place, self.fal_port, self.wishes.speed)
        child.command = [*child.command, "--small-clips"]
        return child

    def _environment(self, database: str) -> dict[str, str]:
        return {
            "DEBUG": "0",
            "SECRET_KEY": self.place.secret(),
            "ALLOWED_HOSTS": LOOPBACK,
            "PUBLIC_URL": self.address,
            "DATABASE_URL": database,
            "REDIS_URL": self.redis_url,
            "CACHE_URL": self.redis_url,
            "EMAIL_URL": f"filemail:///{self.place.mail}",
            "MEDIA_ROOT": str(self.place.media),
            **emulator_environment(self.fal_port),
            "FAL_WEBHOOK_USER_ID": EMULATOR_ACCOUNT,
            "TIME_SCALE": str(self.wishes.time_scale),
            "FAL_MAX_IN_FLIGHT": str(self.wishes.in_flight),
            "FAL_TIMEOUT": str(self.wishes.fal_timeout),
            "DJANGO_SETTINGS_MODULE": self.crew.settings,
        }


def ever() -> bool:
    """For waits that nobody's end makes pointless."""
    return True


def answers(url: str) -> bool:
    """Whether anything below 500 is said there."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False
