"""Demos of this run: one on SQLite as it comes, one on PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.journeys import stage
from tests.journeys.stage import Demo

CREDITS = {"WELCOME_CREDITS": "2500"}


# Not for the session: while a browser is open, its event loop runs in this process, and Django refuses to
# use the database beside one.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all journeys of this process."""
    with stage.browser() as opened:
        yield opened


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as a stranger starts it: SQLite."""
    with stage.running(tmp_path_factory.mktemp("demo") / "data", **CREDITS) as running:
        yield running


@pytest.fixture
def demo_on_postgres(tmp_path: Path) -> Iterator[Demo]:
    """The same processes on a PostgreSQL database of their own."""
    server, name = os.environ["DATABASE_URL"], f"journey_{os.getpid()}"
    socket = server.partition("host=")[2]
    with psycopg.connect(f"host={socket} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        address = f"postgres://postgres@/{name}?host={socket}"
        with stage.running(tmp_path / "data", DATABASE_URL=address, **CREDITS) as running:
            yield running
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
