"""The benchmark's own world: a PostgreSQL that waits for its disk, a Redis, an environment of its own.

Whatever `DATABASE_URL` and the other variables of the product say outside is forgotten first.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from config.bootstrap import ROOT
from config.demo import redis
from config.demo.environment import known_names
from config.demo.ports import LOOPBACK
from tests import postgres

# Durable as in production; roomy enough that no checkpoint falls into one contender's turn only.
DURABLE = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "log_line_prefix": "%d ",  # the database, so that a suite finds its own lines
}
TEMPLATE = "dailies_template"
PRODUCT_SETTINGS = "config.settings"


class CannotMeasure(Exception):
    """Something a benchmark needs is not on this machine; the text is for the person who asked."""


@dataclass
class Stage:
    """Running servers, and what a process of the product must be told to use them."""

    folder: Path
    socket: str
    redis_url: str
    environment: dict[str, str] = field(default_factory=dict)

    def told(self, database: str, **more: str) -> dict[str, str]:
        """The environment of a process that works on `database`."""
        url = f"postgres://postgres@/{database}?host={self.socket}"
        return {**self.environment, "DATABASE_URL": url, **more}

    def fresh_database(self, name: str) -> dict[str, str]:
        """A migrated, empty database for one suite, to which this process's Django is led as well."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        lead_django_to(name)
        return self.told(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement of our own, outside any transaction."""
        with self.connected(database) as connection:
            connection.execute(statement)

    def ask(self, database: str, question: str) -> Any:
        """The first column of the first row."""
        with self.connected(database) as connection:
            row = connection.execute(question).fetchone()
            return row[0] if row else None

    def connected(self, database: str) -> "psycopg.Connection[Any]":
        """A connection in autocommit."""
        return psycopg.connect(host=self.socket, user="postgres", dbname=database, autocommit=True)

    def log(self) -> str:
        """What PostgreSQL has said so far."""
        return (self.folder / "postgres.log").read_text(encoding="utf-8", errors="replace")

    def command(self, *words: str) -> str:
        """What one of PostgreSQL's programs says about this server. CannotMeasure when it fails."""
        program = postgres.find_programs() / words[0]
        asked = [str(program), "-h", self.socket, "-U", "postgres", *words[1:]]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotMeasure(f"{words[0]} failed: {done.stderr.strip()}")
        return done.stderr + done.stdout


@contextmanager
def opened() -> Iterator[Stage]:
    """Start everything; stop and remove it at the end."""
    forget_the_product()
    with ExitStack() as stack:
        # A Unix socket's path may have about 100 bytes, so the folder's name is short.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dailies-")))
        folder.chmod(0o711)  # PostgreSQL may run as somebody else, and its own folder is below
        try:
            database, socket = postgres.start(folder, DURABLE)
            stack.callback(database.stop, 10, signal.SIGINT)
            cache, redis_url = redis.start(folder, folder / "redis.log")
            stack.callback(cache.stop)
        except (postgres.NoPostgres, redis.NoRedis) as trouble:
            raise CannotMeasure(str(trouble)) from trouble
        stage = Stage(folder, socket, redis_url)
        stage.environment = environment(folder, redis_url)
        stage.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(stage.told(TEMPLATE), folder)
        set_up_django(stage.told(TEMPLATE))
        yield stage


def forget_the_product() -> None:
    """Nothing here may reach a configured database, a real fal or somebody's mailbox."""
    for name in (*known_names(), "DJANGO_SETTINGS_MODULE"):
        os.environ.pop(name, None)


def environment(folder: Path, redis_url: str) -> dict[str, str]:
    """Production's settings on this machine; fal is nowhere until a suite says where."""
    nowhere = f"http://{LOOPBACK}:9"
    return {
        "DEBUG": "0",
        "SECRET_KEY": "only-for-benchmarks-" + "x" * 50,
        "PUBLIC_URL": f"http://{LOOPBACK}:8000",
        "REDIS_URL": redis_url,
        "EMAIL_URL": "dummymail://",
        "MEDIA_ROOT": str(folder / "media"),
        "FAL_KEY": "offline:benchmark",
        "FAL_QUEUE_URL": nowhere,
        "FAL_REST_URL": nowhere,
        "FAL_API_URL": f"{nowhere}/v1",
        "FAL_JWKS_URL": f"{nowhere}/.well-known/jwks.json",
        "FAL_WEBHOOK_USER_ID": "emulator-account",
        "DJANGO_SETTINGS_MODULE": PRODUCT_SETTINGS,
    }


def migrate(told: Mapping[str, str], folder: Path) -> None:
    """The tables of whatever settings `told` names. CannotMeasure with the reason when it fails."""
    log = folder / "migrate.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--noinput"],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise CannotMeasure(f"the tables could not be made:\n{log.read_text(encoding='utf-8')[-2000:]}")


def set_up_django(told: Mapping[str, str]) -> None:
    """This process speaks to the same database as those it starts."""
    os.environ.update(told)
    import django  # noqa: PLC0415 - settings are read from the environment, which is only now complete

    django.setup()


def lead_django_to(database: str) -> None:
    """The rest of this process's queries go to another database of the same server."""
    from django.db import connection  # noqa: PLC0415 - only after set_up_django

    connection.close()
    connection.settings_dict["NAME"] = database
