"""`notice PLACE --title TITLE --body TEXT`: say something to everybody."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from generations.models import Notice


class Command(BaseCommand):
    """Sets or clears a notice."""

    help = "Show a notice (bar on every page, or box on the create page); an empty title takes it away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, and what."""
        parser.add_argument("place", choices=Notice.Place.values)
        parser.add_argument("--title", default="")
        parser.add_argument("--body", default="", help="one entry a line; `word: meaning` is a definition")

    def handle(self, *args: Any, **options: Any) -> None:
        """One notice a place."""
        if not options["title"]:
            Notice.objects.filter(pk=options["place"]).delete()
            return
        words = {"title": options["title"], "body": options["body"]}
        Notice.objects.update_or_create(place=options["place"], defaults=words)
