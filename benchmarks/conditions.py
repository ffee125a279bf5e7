"""Under which conditions figures were taken: versions, cores, the disk's patience, the command."""

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.stage import Stage

PACKAGES = ("Django", "psycopg", "granian", "rq", "cryptography")
PAGE, SECONDS = bytes(8192), 1.0


def of(stage: Stage, command: str) -> str:
    """One paragraph."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    server = stage.ask("postgres", "SHOW server_version")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"`python3 manage.py benchmark {command}`, {datetime.now(UTC):%Y-%m-%d}: "
        f"{os.cpu_count()} cores, one fdatasync {sync_time(stage.folder):.0f} µs; load average {load}. "
        f"Python {platform.python_version()}, PostgreSQL {server}, {packages}."
    )


def sync_time(folder: Path) -> float:
    """Microseconds until the disk under the database has a page for good, measured for a second."""
    written, begun = 0, time.monotonic()
    with (folder / "sync-probe").open("wb", buffering=0) as probe:
        while time.monotonic() < begun + SECONDS:
            probe.seek(0)
            probe.write(PAGE)
            os.fdatasync(probe.fileno())
            written += 1
    return (time.monotonic() - begun) / written * 1e6
