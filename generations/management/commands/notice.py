"""`notice PLACE --title TITLE --body TEXT`: say something to everybody."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from generations.models import Notice


class Command(BaseCommand):
    """Sets or clears a notice."""

    help = "Show a notice (bar on every page, or box on the create page); an empty title takes it away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, and what."""
        parser.add_argument("place", choices=Notice.Place.values)
        parser.add_argument("--title", help="what it says first; empty takes the notice away")
        parser.add_argument("--body", default="", help="one entry a line; `word: meaning` is a definition")

    def handle(self, *args: Any, **options: Any) -> None:
        """One notice a place."""
        place, title = options["place"], options["title"]
        if title is None:
            raise CommandError('Give --title TEXT, or --title "" to take the notice away.')
        if not title.strip():
            gone, _ = Notice.objects.filter(pk=place).delete()
            self.stdout.write(
                f"The notice ({place}) is taken away." if gone else f"There was none ({place})."
            )
            return
        words = {"title": title.strip(), "body": options["body"]}
        try:
            Notice(place=place, **words).clean_fields()
        except ValidationError as wrong:
            raise CommandError(
                "; ".join(f"--{name}: {' '.join(said)}" for name, said in wrong.message_dict.items())
            ) from wrong
        _, new = Notice.objects.update_or_create(place=place, defaults=words)
        self.stdout.write(f"The notice ({place}) is {'shown' if new else 'changed'}: {words['title']}")
