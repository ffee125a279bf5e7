"""`reconciler`: the process that makes sure nothing is forgotten."""

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from generations.reconcile import sweep
from generations.timing import SWEEP, business

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Sweeps until it is told to stop."""

    help = "Wake every generation whose time has come, every few seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Once is for an operator and for tests."""
        parser.add_argument("--once", action="store_true", help="sweep once and exit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, wait, sweep; a database that is away is waited for."""
        if options["once"]:
            self.stdout.write(f"{sweep()} rung")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            close_old_connections()
            try:
                sweep()
            except DatabaseError:
                logger.exception("event=sweep_failed")
            stop.wait(business(SWEEP).total_seconds())
