"""`manage.py demo`: the whole product on this machine, offline unless `FAL_KEY` is set."""

import sys
from argparse import ArgumentParser
from math import isfinite
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.demo.run import Wishes, run
from generations.catalogue import CATALOGUE


def port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65536:
        raise ValueError(text)
    return number


def speed(text: str) -> float:
    number = float(text)
    if not (isfinite(number) and number > 0):
        raise ValueError(text)
    return number


class Command(BaseCommand):
    help = (
        "Starts Redis, an offline fal, web, workers and reconciler with sample data. "
        "With --once it makes one clip instead, and exits 0 when that succeeded and 3 when not."
    )
    # The processes it starts check the system, in the environment that they run in.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=port, default=8000, help="of the web server (default 8000)")
        parser.add_argument("--data", type=Path, default=settings.BASE_DIR / ".demo", help="default .demo")
        parser.add_argument("--reset", action="store_true", help="start again from nothing")
        parser.add_argument("--speed", type=speed, default=10.0, help="of the offline fal; 1 is real life")
        parser.add_argument("--once", metavar="PROMPT", help="make one clip and stop")
        parser.add_argument("--endpoint", metavar="ID", help="the fal endpoint for --once")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["endpoint"] is not None and options["once"] is None:
            raise CommandError("--endpoint goes with --once.")
        if options["once"] is not None and not options["once"].strip():
            raise CommandError("--once needs a prompt.")
        if options["endpoint"] not in (None, *CATALOGUE):
            raise CommandError("There is no such endpoint; these are on sale:\n  " + "\n  ".join(CATALOGUE))
        wishes = Wishes(
            port=options["port"],
            data=options["data"],
            reset=options["reset"],
            speed=options["speed"],
            prompt=options["once"],
            endpoint=options["endpoint"],
        )
        sys.exit(run(wishes))
