"""`manage.py benchmark` as somebody types it, with turns too short to mean anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.management.commands.benchmark import DEVELOPMENT, absent, refusal

ROOT = Path(__file__).resolve().parents[2]


def benchmark(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "benchmark", *words]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize(
    ("suite", "told"),
    [
        (
            "webhooks",
            ["| W1 |", "| W2 |", "statements run by 2000 forged deliveries |  | **0** | 0 | exact |"],
        ),
        (
            "reserve",
            ["| R1 |", "| R2 |", "wallets whose holds do not add up, 4 clients |  | **0** | 0 | exact |"],
        ),
        ("hot", ["| H1 |", "where 500 can be paid |  | **500** | 500 | exact |"]),
        ("sqlite", ["| S1 |", "where 100 can be paid |  | **100** | 100 | exact |"]),
    ],
)
def test_a_suite_compares_counts_and_writes_its_table(suite: str, told: list[str], tmp_path: Path):
    page, elsewhere = tmp_path / "page.md", tmp_path / "mine.sqlite3"
    page.write_text(f"<!-- figures of {suite} -->\n<!-- end of {suite} -->\n")
    words = [suite, "--seconds", "0.3", "--pairs", "1", "--write", str(page)]
    done = benchmark(*words, DATABASE_URL=f"sqlite:///{elsewhere}")
    assert done.returncode == 0, done.stdout + done.stderr
    for words_of_table in told:
        assert words_of_table in page.read_text()
    assert f"benchmark {suite} --seconds 0.3 --pairs 1" in page.read_text()
    assert '"round": 1' in done.stdout
    assert not elsewhere.exists()  # the configured database is none of its business


@pytest.mark.postgres
@pytest.mark.redis
def test_generations_in_flight_survive_the_killing_of_their_worker():
    done = benchmark("flight", "--in-flight", "12", "--time-scale", "50")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| Q2 | accepted by fal more than once |  | **0** | 0 | exact |" in done.stdout


def test_a_suite_that_does_not_exist_is_refused_with_the_ones_that_do():
    done = benchmark("gallery")
    assert done.returncode == 2
    assert "choose from webhooks, reserve, hot, sqlite, flight" in done.stderr


def test_without_the_development_environment_it_says_what_is_missing():
    assert absent(DEVELOPMENT) == []
    assert absent(["json", "no_such_module"]) == ["no_such_module"]
    assert "no_such_module is not here" in refusal(["no_such_module"])
