"""`manage.py demo`: the whole product on this machine, offline unless `FAL_KEY` is set."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.demo.run import Wishes, run


class Command(BaseCommand):
    help = (
        "Starts Redis, an offline fal, web, workers and reconciler with sample data. "
        "With --once it makes one clip instead, and exits 0 when that succeeded and 3 when not."
    )
    # The processes it starts check the system, in the environment that they run in.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server (default 8000)")
        parser.add_argument("--data", type=Path, default=settings.BASE_DIR / ".demo", help="default .demo")
        parser.add_argument("--reset", action="store_true", help="start again from nothing")
        parser.add_argument("--speed", type=float, default=10.0, help="of the offline fal; 1 is real life")
        parser.add_argument("--once", metavar="PROMPT", help="make one clip and stop")
        parser.add_argument("--endpoint", metavar="ID", help="the fal endpoint for --once")

    def handle(self, *args: Any, **options: Any) -> None:
        wishes = Wishes(
            port=options["port"],
            data=options["data"],
            reset=options["reset"],
            speed=options["speed"],
            prompt=options["once"],
            endpoint=options["endpoint"],
        )
        sys.exit(run(wishes))
