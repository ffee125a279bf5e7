"""`python -m fal_emulator`: serve until told to stop."""

import argparse
import json
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from fal_emulator.faults import read_plan
from fal_emulator.server import serve


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fal_emulator", description="An offline fal.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8787, help="0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder for state and clips")
    parser.add_argument("--speed", type=float, default=1.0, help="divides emulated durations")
    parser.add_argument("--public-url", help="base of the addresses handed out")
    parser.add_argument("--user-id", default="emulator-account", help="account in webhooks")
    parser.add_argument("--running", type=int, help="runs at the same time; without it all of them")
    parser.add_argument("--small-clips", action="store_true", help="tiny pictures, for big drills")
    parser.add_argument("--list-lag", type=float, default=0.0, help="emulated seconds")
    parser.add_argument("--control-port", type=int, help="a second port, for outages that refuse connections")
    parser.add_argument("--faults", type=Path, help="file with a fault plan")
    found = parser.parse_args()
    if found.speed <= 0:
        parser.error("--speed must be above 0")
    if found.running is not None and found.running < 1:
        parser.error("--running must be above 0")
    try:
        found.faults = json.loads(found.faults.read_text()) if found.faults else None
        read_plan(found.faults or {})
    except (OSError, ValueError) as error:
        parser.error(f"--faults: {error}")
    return found


def main() -> int:
    wanted = arguments()
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with ExitStack() as stack:
        try:
            emulator = stack.enter_context(
                serve(
                    data=wanted.data,
                    port=wanted.port,
                    speed=wanted.speed,
                    host=wanted.host,
                    public_url=wanted.public_url,
                    user_id=wanted.user_id,
                    running=wanted.running,
                    small_clips=wanted.small_clips,
                    list_lag=wanted.list_lag,
                    faults=wanted.faults,
                    control_port=wanted.control_port,
                )
            )
        except OSError as error:  # a port that is taken, a folder that cannot be written
            print(f"fal emulator cannot start: {error}", file=sys.stderr)
            return 1
        print(f"fal emulator ready at {emulator.url}", flush=True)
        told.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
