"""`python -m benchmarks`: run the suites, print what they found, write it down when asked."""

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks import conditions, report, stage
from benchmarks.pairs import Turns
from config.demo.supervisor import Interrupted, handling, interrupt

# Modules of `benchmarks.suites`; imported once the stage is set, for they read the product's settings.
SUITES = ("webhooks", "reserve", "hot", "sqlite", "flight")
# A quarter of an hour; only when it is named.
LONG = {"flight"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py benchmark", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"some of: {' '.join(SUITES)}")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one turn (default 3)")
    parser.add_argument("--pairs", type=int, default=5, help="rounds of turns (default 5)")
    parser.add_argument("--in-flight", type=int, default=10_000, help="in the suite flight (default 10,000)")
    parser.add_argument("--time-scale", type=float, default=1.0, help="of its business timers (default 1)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document")
    found = parser.parse_args()
    if unknown := set(found.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}; choose from {', '.join(SUITES)}")
    return found


def command(name: str, turns: Turns) -> str:
    """What to type to have the same again."""
    if name in LONG:
        return f"{name} --in-flight {turns.in_flight} --time-scale {turns.time_scale:g}"
    return f"{name} --seconds {turns.seconds:g} --pairs {turns.pairs}"


def main() -> int:
    wanted = arguments()
    names = wanted.suites or [name for name in SUITES if name not in LONG]
    turns = Turns(wanted.seconds, wanted.pairs, wanted.in_flight, wanted.time_scale)
    exact = True
    try:
        with handling(interrupt), stage.opened() as opened:
            for name in names:
                suite = importlib.import_module(f"benchmarks.suites.{name}")
                found: report.Found = suite.measure(opened, turns)
                exact = exact and found.exact
                words = conditions.of(opened, command(name, turns))
                print(f"\n{report.table(found)}\n\n{words}\n", flush=True)
                if wanted.write:
                    report.write(wanted.write, found, words)
    except Interrupted:
        return 130
    except stage.CannotMeasure as trouble:
        print(f"No benchmark here: {trouble}", file=sys.stderr)
        return 2
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
