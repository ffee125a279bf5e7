"""pytest plug-in: a real PostgreSQL and a real Redis before Django reads its settings.

`DATABASE_URL` and `REDIS_URL` are taken from the environment when they are set there. Under xdist only
the controller starts servers; its workers inherit the addresses, and each has a Redis database of its own
(pytest-django gives each a PostgreSQL database).
"""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from config.demo import redis
from config.demo.processes import Child
from tests import postgres

REDIS_DATABASES = 64
NOWHERE = "http://127.0.0.1:9"  # the discard port: no test reaches the real fal by accident
FAL = {
    "FAL_KEY": "offline:tests",
    "FAL_QUEUE_URL": NOWHERE,
    "FAL_REST_URL": NOWHERE,
    "FAL_API_URL": f"{NOWHERE}/v1",
    "FAL_JWKS_URL": f"{NOWHERE}/.well-known/jwks.json",
    "FAL_MEDIA_HOSTS": "127.0.0.1:9",
    "FAL_WEBHOOK_USER_ID": "emulator-account",
}
NO_BROWSER = "Chromium was not found (install it, or name it in CHROMIUM)"
missing: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-browser", action="store_true", help="fail, instead of skipping, when Chromium is missing"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> Generator[None]:
    if "--require-browser" in args and chromium() is None:
        raise pytest.UsageError(NO_BROWSER)
    # A wrapper runs before pytest-django's own hook, which is the one that reads the settings.
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        os.environ.update(FAL)
        os.environ.update(PUBLIC_URL="http://127.0.0.1:8000", SECRET_KEY="only-for-tests-" + "x" * 50)
        start_servers()
    else:
        address, _, _ = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{address}/{int(worker.removeprefix('gw')) + 1}"
    return (yield)


def start_servers() -> None:
    # Unix sockets have room for about 100 bytes of path, so the folder's name must be short.
    directory = tempfile.TemporaryDirectory(prefix="dailies-", dir="/tmp")
    atexit.register(directory.cleanup)
    here = Path(directory.name)
    here.chmod(0o711)  # PostgreSQL may run as somebody else, and its own folder is below
    if "REDIS_URL" not in os.environ:
        try:
            child, address = redis.start(here, here / "redis.log", REDIS_DATABASES)
            stop_at_exit(child)
        except redis.NoRedis as trouble:
            missing["redis"], address = str(trouble), "redis://127.0.0.1:9/0"
        os.environ["REDIS_URL"] = address
    if "DATABASE_URL" not in os.environ:
        try:
            child, socket = postgres.start(here)
            stop_at_exit(child, postgres.FAST_SHUTDOWN)
            os.environ["DATABASE_URL"] = f"postgres://postgres@/postgres?host={socket}"
        except postgres.NoPostgres as trouble:
            missing["postgres"] = str(trouble)
            os.environ["DATABASE_URL"] = f"sqlite:///{here / 'tests.sqlite3'}"


def stop_at_exit(child: Child, how: signal.Signals = signal.SIGTERM) -> None:
    atexit.register(child.stop, 5, how)


def chromium() -> str | None:
    """The browser's program: `CHROMIUM`, then the usual names on PATH, then macOS's folder."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, filter(None, names))), None)
    application = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return found or (str(application) if application.exists() else None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = missing_servers()
    for item in items:
        for marker in ("postgres", "redis", "browser"):
            if marker in reasons and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reasons[marker]))


def missing_servers() -> dict[str, str]:
    """What a marked test would miss, and why; the same in every process of a run."""
    reasons = {}
    if os.environ["DATABASE_URL"].startswith("sqlite"):
        reasons["postgres"] = missing.get("postgres", "this run is on SQLite")
    if os.environ["REDIS_URL"].startswith("redis://127.0.0.1:9/"):
        reasons["redis"] = redis.HOW_TO_GET_ONE
    if chromium() is None:
        reasons["browser"] = NO_BROWSER
    return reasons


def pytest_report_header() -> str:
    database = "SQLite" if os.environ["DATABASE_URL"].startswith("sqlite") else "PostgreSQL"
    return f"database: {database}, Redis: {os.environ['REDIS_URL']}, browser: {chromium() or 'none'}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker, reason in missing_servers().items():
        if marker == "postgres" and config.option.markexpr == "both_databases":
            continue  # they ran before, on PostgreSQL
        terminalreporter.write_line(f"NOT TESTED ({marker}): {reason}", red=True, bold=True)
