"""`python -m tests.chaos --n 300 --seed 7`: the product under every fault, and a verdict. Exit 0 or 1."""

import argparse
import json
import sys
from pathlib import Path

from tests.chaos.drill import run
from tests.chaos.report import lines, numbers
from tests.chaos.stage import NotReady
from tests.chaos.wishes import Wishes


def wishes() -> Wishes:
    """The command line."""
    usual = Wishes()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--n", type=int, default=usual.n, help="clips to order")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--database", choices=["postgres", "sqlite"], default=usual.database)
    parser.add_argument("--time-scale", type=float, default=usual.time_scale)
    parser.add_argument("--speed", type=float, default=usual.speed, help="of the emulator")
    parser.add_argument("--rate", type=float, default=usual.rate, help="orders a second")
    parser.add_argument("--fal-timeout", type=float, default=usual.fal_timeout, help="of one call to fal")
    parser.add_argument("--quiet-seconds", type=float, default=usual.quiet_seconds)
    parser.add_argument("--users", type=int, default=0)
    parser.add_argument("--teams", type=int, default=0)
    parser.add_argument("--no-kills", dest="kills", action="store_false")
    parser.add_argument("--no-faults", dest="faults", action="store_false")
    parser.add_argument("--flush-every", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--lose-webhooks", action="store_true", help="all of them")
    parser.add_argument("--outage", action="store_true", help="six hours, and nothing but that")
    parser.add_argument("--in-flight", type=int, default=usual.in_flight, help="FAL_MAX_IN_FLIGHT")
    parser.add_argument("--baseline", action="store_true", help="the ordinary implementation instead")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep files and logs here")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write the figures here as JSON")
    return Wishes(**vars(parser.parse_args()))


def main() -> int:
    wanted = wishes()
    print(f"seed {wanted.seed}", flush=True)
    try:
        outcome = run(wanted)
    except NotReady as trouble:
        print(f"FAILED: {trouble}", flush=True)
        return 1
    print("\n".join(lines(outcome)), flush=True)
    if wanted.figures:
        wanted.figures.write_text(json.dumps(numbers(outcome), indent=1))
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
