"""The whole bench as anybody starts it: the product passes, the ordinary studio does not."""

import re
import subprocess
import sys

import pytest

from config.bootstrap import ROOT
from tests.chaos.schedule import schedule
from tests.chaos.wishes import Wishes

pytestmark = [pytest.mark.chaos, pytest.mark.redis]
SMALL = ("--n", "30", "--seed", "3")
# As large as it takes for each kind of fault to hit somebody several times.
ENOUGH = ("--n", "60", "--seed", "2")


def chaos(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.chaos", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def kinds(report: str) -> set[str]:
    """What the verdict counts."""
    verdict = re.search(r"^FAILED: (.*)$", report, re.MULTILINE)
    return set(re.findall(r"\d+ ([a-z' ]+)", verdict[1])) if verdict else set()


@pytest.mark.postgres
def test_the_product_survives_a_small_run_and_plays_the_schedule_of_its_seed():
    run = chaos(*SMALL)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASSED" in run.stdout
    assert schedule(Wishes(n=30, seed=3)).digest in run.stdout


@pytest.mark.postgres
def test_the_ordinary_studio_fails_the_same_bench():
    run = chaos(*ENOUGH, "--baseline")
    assert run.returncode == 1, run.stdout + run.stderr
    assert {"submitted twice", "stuck", "charged wrongly", "ordered twice", "lost"} <= kinds(run.stdout)


def test_the_product_survives_a_small_run_on_sqlite():
    run = chaos(*SMALL, "--database", "sqlite")
    assert run.returncode == 0, run.stdout + run.stderr
