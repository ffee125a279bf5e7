"""`manage.py benchmark` as somebody types it, with turns too short to mean anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.management.commands.benchmark import DEVELOPMENT, absent, refusal

ROOT = Path(__file__).resolve().parents[2]


BRIEFLY = ("--seconds", "0.2", "--pairs", "1", "--in-flight", "8", "--time-scale", "50")
TABLES = {
    "webhooks reserve": (
        "| W1 |",
        "| W2 |",
        "generations moved on by them",
        "statements run by 500 forged deliveries |  | **0** | 0 | exact |",
        "| R1 |",
        "| R2 |",
        "wallets whose holds do not add up, 4 clients |  | **0** | 0 | exact |",
    ),
    "hot sqlite flight": (
        "| H1 |",
        "holds granted of 16 clients where 200 can be paid |  | **200** | 200 | exact |",
        "| S1 |",
        "holds granted of 6 processes on SQLite where 100 can be paid |  | **100** | 100 | exact |",
        "| Q2 |",
        "in flight at once of the 8 that fal accepted |  | **8** | 8 | exact |",
        "accepted by fal more than once |  | **0** | 0 | exact |",
    ),
}


def benchmark(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "benchmark", *words]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.benchmark
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize(("suites", "lines"), TABLES.items(), ids=list(TABLES))
def test_a_suite_compares_counts_and_writes_its_table(suites: str, lines: tuple[str, ...], tmp_path: Path):
    names = suites.split()
    page, elsewhere = tmp_path / "page.md", tmp_path / "mine.sqlite3"
    page.write_text("".join(f"<!-- figures of {name} -->\n<!-- end of {name} -->\n" for name in names))
    done = benchmark(*names, *BRIEFLY, "--write", str(page), DATABASE_URL=f"sqlite:///{elsewhere}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in lines if line not in page.read_text()] == []
    assert all(f"manage.py benchmark {name} --" in page.read_text() for name in names)
    assert not elsewhere.exists()  # the configured database is none of its business


def test_a_suite_that_does_not_exist_is_refused_with_the_ones_that_do():
    done = benchmark("gallery")
    assert done.returncode == 2
    assert "choose from webhooks, reserve, hot, sqlite, flight" in done.stderr


def test_without_the_development_environment_it_says_what_is_missing():
    assert absent(DEVELOPMENT) == []
    assert absent(["json", "no_such_module"]) == ["no_such_module"]
    assert "no_such_module is not here" in refusal(["no_such_module"])
