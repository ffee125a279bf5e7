"""`python -m tests.chaos.delays`: what an emptied Redis and lost webhooks cost, on an unscaled clock.

The same orders three times: undisturbed, with Redis emptied every ten seconds, and with every webhook lost.
Everything must complete. Half of all clips may come so much later as it takes until somebody looks without
having been rung for, and in both cases by ten seconds at most: two sweeps, or the first look at fal.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from config.bootstrap import ROOT

CALM = ("--no-kills", "--no-faults", "--time-scale", "1", "--speed", "1", "--fal-timeout", "40")
# Options, and the seconds by which the median may grow.
RUNS: dict[str, tuple[tuple[str, ...], float]] = {
    "undisturbed": ((), 0.0),
    "redis emptied": (("--flush-every", "10"), 10.0),
    "webhooks lost": (("--lose-webhooks",), 10.0),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.delays", description=__doc__)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--rate", type=float, default=4.0, help="orders a second, well below what the machine does"
    )
    wanted = parser.parse_args()
    orders = ("--n", str(wanted.n), "--seed", str(wanted.seed), "--rate", str(wanted.rate))
    medians, passed = {}, True
    for name, (options, most) in RUNS.items():
        found = measured(*orders, *CALM, "--in-flight", str(2 * wanted.n), *options)
        medians[name] = median(found["waits"])
        added = medians[name] - medians["undisturbed"]
        fine = found["passed"] and added <= most
        passed = passed and fine
        said = f"median {medians[name]:.2f} s, {added:+.2f} s, longest {found['waits'][-1]:.2f} s"
        print(f"  {name:<16} {said}: {'PASSED' if fine else 'FAILED'}", flush=True)
    return 0 if passed else 1


def measured(*options: str) -> dict[str, Any]:
    """The figures of one run, as its own process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "tests.chaos", *options, "--figures", str(file)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not file.exists():
            raise SystemExit(run.stdout + run.stderr)
        found: dict[str, Any] = json.loads(file.read_text())
        return found


if __name__ == "__main__":
    sys.exit(main())
