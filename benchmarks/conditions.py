"""Under which conditions figures were taken: versions, cores, the disk's patience, the command."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.stage import Stage
from tests import postgres

PACKAGES = ("Django", "psycopg", "granian", "rq", "cryptography")


def of(stage: Stage, command: str) -> str:
    """One paragraph."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    server = stage.ask("postgres", "SHOW server_version")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"`python3 manage.py benchmark {command}`, {datetime.now(UTC):%Y-%m-%d}: "
        f"{os.cpu_count()} cores, one fdatasync {sync_time(stage)}; load average {load}. "
        f"Python {platform.python_version()}, PostgreSQL {server}, {packages}."
    )


def sync_time(stage: Stage) -> str:
    """What pg_test_fsync says about the disk under the database."""
    program = postgres.find_programs() / "pg_test_fsync"
    if not program.exists():
        return "not measured"
    probe = stage.folder / "sync-probe"
    done = subprocess.run(
        [str(program), "-s", "1", "-f", str(probe)], capture_output=True, text=True, check=False
    )
    found = re.search(r"^\s+fdatasync\s.*?(\d+) usecs/op", done.stdout, re.MULTILINE)
    return f"{found[1]} µs" if found else "not measured"
