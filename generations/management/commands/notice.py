"""`notice PLACE --title TITLE`: say something to everybody; the body is read from standard input."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from generations.models import Notice


class Command(BaseCommand):
    """Sets or clears a notice."""

    help = "Show a notice (bar on every page, or box on the create page); an empty title takes it away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, and under which title."""
        parser.add_argument("place", choices=Notice.Place.values)
        parser.add_argument("--title", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """One notice a place."""
        if not options["title"]:
            Notice.objects.filter(pk=options["place"]).delete()
            return
        body = "" if sys.stdin.isatty() else sys.stdin.read()
        Notice.objects.update_or_create(
            place=options["place"], defaults={"title": options["title"], "body": body}
        )
