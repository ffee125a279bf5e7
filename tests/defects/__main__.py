"""`python -m tests.defects [WORD …]`: plant each defect (with a word in its name), run its tests."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.defects.catalogue import DEFECTS, Defect
from tests.defects.holes import HOLES
from tests.defects.team_holes import TEAM_HOLES

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".demo", "__pycache__", "staticfiles", "*.pyc")
PATIENCE = 400
# Without a defect these pass, or what follows means nothing.
CONTROL = ("tests/accounts", "tests/generations/test_motor_submit.py", "tests/generations/test_webhook.py")


def plant(defect: Defect, tree: Path) -> None:
    """Make the one change."""
    path = tree / defect.file
    text = path.read_text(encoding="utf-8")
    if text.count(defect.good) != 1:
        raise SystemExit(f"{defect.file} has {text.count(defect.good)} places for: {defect.name}")
    path.write_text(text.replace(defect.good, defect.bad), encoding="utf-8")


def caught(defect: Defect | None, tests: tuple[str, ...]) -> bool:
    """Whether the tests fail with it, or without any. A suite that hangs has noticed, too."""
    with tempfile.TemporaryDirectory(prefix="dailies-defect-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        (tree / ".venv").symlink_to(ROOT / ".venv")
        if defect:
            plant(defect, tree)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "2", "--dist", "loadgroup"]
        try:
            done = subprocess.run(
                [*command, *tests],
                cwd=tree,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True
        # The exit code alone may mean that nothing could be run. The audit speaks at a test's teardown.
        failed = b"\nFAILED " in done.stdout or b"ERROR at teardown of " in done.stdout
        if done.returncode and not failed:
            raise SystemExit(f"the tests did not run: {done.stdout[-2000:].decode()}")
        return failed


def chosen_by(words: list[str]) -> list[Defect]:
    """Those with one of the words in their name; all without words. SystemExit when there is none."""
    known = (*DEFECTS, *HOLES, *TEAM_HOLES)
    chosen = [each for each in known if not words or any(word in each.name for word in words)]
    if not chosen:
        names = "\n  ".join(each.name for each in known)
        raise SystemExit(f"No defect has {' or '.join(words)} in its name; there are:\n  {names}")
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.defects", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only defects with one of these in the name")
    chosen = chosen_by(parser.parse_args().words)
    if caught(None, CONTROL):
        raise SystemExit("these tests fail without any defect")
    survivors = []
    for defect in chosen:
        started = time.monotonic()
        noticed = caught(defect, defect.noticed_by)
        print(
            f"{'caught  ' if noticed else 'SURVIVED'} {time.monotonic() - started:4.0f} s  {defect.name}",
            flush=True,
        )
        survivors += [] if noticed else [defect]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
