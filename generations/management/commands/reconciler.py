"""`reconciler`: the process that makes sure nothing is forgotten."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from accounts import webhooks
from generations.doorbell import CALM, Bell
from generations.media.janitor import Janitor
from generations.reconcile import Leader, sweep
from generations.timing import MINUTE, SWEEP, business

logger = logging.getLogger(__name__)
TIDY = 10 * MINUTE


class Command(BaseCommand):
    """Sweeps until it is told to stop."""

    help = "Wake every generation whose time has come, every few seconds or when nudged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Once is for an operator and for tests."""
        parser.add_argument("--once", action="store_true", help="sweep once and exit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, wait, sweep; a database that is away is waited for, another leader is stood by for."""
        if options["once"]:
            self.stdout.write(f"{sweep()} rung")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        leader, bell, janitor = Leader(), Bell(), Janitor()
        tidy_at = 0.0
        while not stop.is_set():
            close_old_connections()
            try:
                if leader.leads():
                    sweep()
                    if time.monotonic() >= tidy_at:
                        janitor.tidy()
                        webhooks.drop_old()
                        tidy_at = time.monotonic() + business(TIDY).total_seconds()
            except Exception:  # whatever one row is wrong in, everybody else's work goes on
                logger.exception("event=sweep_failed")
            stop.wait(CALM)
            bell.wait(business(SWEEP).total_seconds(), stopped=stop.is_set)
