"""`check_invariants`: is the money exact and nothing forgotten? Names each wrong row; exit 1 if any."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from generations.invariants import violations


class Command(BaseCommand):
    """The ledger audit."""

    help = "Evaluate the invariants of money and lifecycle in SQL; exit 1 and name the rows that break one."

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per violation."""
        found = list(violations())
        for each in found:
            self.stdout.write(f"{each.invariant}: {each.row}")
        self.stdout.write("all invariants hold" if not found else f"{len(found)} violations")
        if found:
            sys.exit(1)
