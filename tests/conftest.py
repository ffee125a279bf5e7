"""The world of a test: real database, real Redis, fal by the emulator, three people and their credits."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

import accounts
import benchmarks
import config
import fal_emulator
import generations
from accounts.append_only import removals, statements
from accounts.models import Wallet
from fal_emulator.server import Emulator, serve
from generations import webhooks
from generations.invariants import violations
from tests.world import Studio, World

# `--hypothesis-profile deep`: longer walks, others each time.
hypothesis.settings.register_profile("deep", max_examples=2000, stateful_step_count=50, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-schedule", action="store_true", help="play all 8,800 interleavings instead of a fixed few"
    )


# What migrations and Django itself write, and no test changes.
KEPT = {"django_content_type", "auth_permission"}
APPEND_ONLY = ("accounts_ledgerentry", "accounts_auditevent", "generations_statechange")


@pytest.fixture(scope="session", autouse=True)
def _same_examples_in_every_process() -> None:
    """Hypothesis draws from the constants of all that is imported, which differs by what ran before."""
    for room in (accounts, benchmarks, config, fal_emulator, generations):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not module.name.startswith("benchmarks.peers."):  # they have settings of their own
                importlib.import_module(module.name)


@pytest.fixture(scope="session")
def fal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An offline fal of this process, fifty times as fast as the real one."""
    folder: Path = tmp_path_factory.mktemp("fal")
    with serve(data=folder, port=0, speed=50.0) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Tests that need committed rows empty the tables afterwards: quickly, and evidence too."""
    operations = type(connection.ops)
    operations.sql_flush = _flushing(operations.sql_flush)  # type: ignore[method-assign]


def _flushing(sql_flush: Any) -> Any:
    def flush(self: Any, style: Any, tables: Any, **options: Any) -> list[str]:
        if self.connection.vendor == "postgresql" and _may_all(self.connection):
            return _emptied(self.connection, [each for each in tables if each not in KEPT])
        vendor = self.connection.vendor
        guarded = [table for table in APPEND_ONLY if table in set(tables)]
        before = [statement for table in guarded for statement in removals(vendor, table)]
        after = [statement for table in guarded for statement in statements(vendor, table)]
        return [*before, *sql_flush(self, style, tables, **options), *after]

    return flush


def _may_all(database: Any) -> bool:
    with database.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return bool(cursor.fetchone()[0] == "on")


def _emptied(database: Any, tables: list[str]) -> list[str]:
    """Only what has rows, without triggers and keys: truncating sixty tables makes sixty new files."""
    with database.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{each}' WHERE EXISTS (SELECT FROM {each})" for each in tables)
        )
        filled = [name for (name,) in cursor]
    return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {each}" for each in filled)]


@pytest.fixture(autouse=True)
def _exact_ledger(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that had a database: the invariants hold, whatever the test was about."""
    uses = {"db", "transactional_db", "world", "studio", "client_of", "live_server"} & set(
        request.fixturenames
    )
    if not uses and request.node.get_closest_marker("django_db") is None:
        yield
        return
    request.getfixturevalue("_django_db_helper")
    yield
    if request.node.get_closest_marker("breaks_invariants") is None:
        assert not list(violations())


@pytest.fixture
def world(db: None) -> World:
    """Alice and Bob and Vera in one workspace, Eve in another."""
    return World.make()


@pytest.fixture
def client_of(world: World) -> Any:
    """A browser without JavaScript, signed in as one of the world's people."""

    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(getattr(world, name).user)
        return client

    return sign_in


@pytest.fixture
def studio(
    transactional_db: None, live_server: Any, fal: Emulator, settings: Any, tmp_path: Path
) -> Iterator[Studio]:
    """The whole product in this process: its pages on a port for fal's webhooks, its workers by hand."""
    settings.PUBLIC_URL = live_server.url
    settings.FAL_QUEUE_URL = settings.FAL_REST_URL = fal.url
    settings.FAL_API_URL = f"{fal.url}/v1"
    settings.FAL_JWKS_URL = f"{fal.url}/.well-known/jwks.json"
    settings.FAL_MEDIA_HOSTS = [fal.url.removeprefix("http://")]
    settings.FAL_WEBHOOK_USER_ID = "emulator-account"
    settings.TIME_SCALE = 100.0
    webhooks.keys.cache_clear()
    made = Studio(World.make(), fal)
    yield made
    made.empty_queues()
    webhooks.keys.cache_clear()


@pytest.fixture
def audit() -> Any:
    """The auditor's command, as an operator runs it."""
    return lambda: call_command("check_invariants")


@pytest.fixture
def wallet(world: World) -> Wallet:
    """The wallet that Alice, Bob and Vera share."""
    return world.alice.workspace.wallet


@pytest.fixture
def on_postgres() -> bool:
    """Whether the database is PostgreSQL."""
    return connection.vendor == "postgresql"
