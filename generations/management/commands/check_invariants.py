"""`check_invariants`: is the money exact and nothing forgotten? Names each wrong row; exit 1 if any."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.utils import timezone

from generations.invariants import PATIENCE, Violation, alarms, violations
from generations.media.inventory import broken_promises, unclaimed
from generations.timing import HOUR, business

# Of each kind so many are named; a whole table that is wrong is said in one line more.
NAMED = 20


class Command(BaseCommand):
    """The auditor."""

    help = "Evaluate the invariants of money and lifecycle in SQL; exit 1 and name the rows that break one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Files take longer than rows, and digests far longer."""
        parser.add_argument("--files", action="store_true", help="also compare stored files with their rows")
        parser.add_argument("--hash", action="store_true", help="also read every clip (implies --files)")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per violation."""
        with _patience():
            found = [*violations(), *alarms()]
        if options["files"] or options["hash"]:
            found.extend(broken_promises(digests=options["hash"]))
            # Whatever is stored gets its row within the hour, even from the slowest worker.
            found.extend(unclaimed(timezone.now() - max(business(HOUR), PATIENCE)))
        for line in _lines(found):
            self.stdout.write(line)
        self.stdout.write("all invariants hold" if not found else f"{len(found)} violations")
        if found:
            sys.exit(1)


def _lines(found: Iterable[Violation]) -> Iterator[str]:
    ordered = sorted(found, key=lambda each: each.invariant)
    for invariant, group in groupby(ordered, key=lambda each: each.invariant):
        rows = [each.row for each in group]
        yield from (f"{invariant}: {row}" for row in rows[:NAMED])
        if len(rows) > NAMED:
            yield f"{invariant}: and {len(rows) - NAMED} more"


@contextmanager
def _patience() -> Iterator[None]:
    """An audit of years may take longer, and more memory for sorting, than a page ever should."""
    if connection.vendor != "postgresql":
        yield  # a transaction there keeps everybody else from writing
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '64MB'")
        yield
