"""`create_api_token EMAIL`: a token of every scope for a member; prints the token and nothing else."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import tokens
from accounts.models import Membership


class Command(BaseCommand):
    """For scripts: `export DAILIES_TOKEN=$(python manage.py create_api_token ada@example.com)`."""

    help = "Make an API token of every scope, without an end, for a member; it prints nothing but the token."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For whom, where, and what it is called."""
        parser.add_argument("email")
        parser.add_argument("--workspace", type=uuid.UUID, metavar="ID", help="another than the person's own")
        parser.add_argument("--name", default="Made by the command")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the person is not in the workspace."""
        theirs = Membership.objects.active().filter(user__email__iexact=options["email"])
        if options["workspace"]:
            theirs = theirs.filter(workspace=options["workspace"])
        own = theirs.at_home()
        theirs = own if own.exists() and not options["workspace"] else theirs
        found = list(theirs.order_by("workspace__name").select_related()[:20])
        if not found:
            where = " there" if options["workspace"] else " of any workspace"
            raise CommandError(f"{options['email']} is no active member{where}.")
        if len(found) > 1:
            names = "".join(f"\n  {each.workspace_id}  {each.workspace}" for each in found)
            raise CommandError(f"{options['email']} is in several workspaces; say --workspace ID:{names}")
        (membership,) = found
        name = options["name"].strip()[:80] or "Made by the command"
        self.stdout.write(tokens.make_as_operator(membership.user, membership.workspace, name))
