"""`credits grant|adjust|show`: credits by hand, with a reason, in the audit trail."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import AuditEvent, LedgerEntry, Membership, Role, Wallet
from accounts.models.audit import OPERATOR

# Far more than anybody buys, and far less than the column takes: a slip of the finger is told, not booked.
MOST = 1_000_000_000_000
LONGEST = {"reason": 200, "cause": 100}  # the columns', less the word before a cause


class Command(BaseCommand):
    """Moves or shows the credits of one workspace."""

    help = "Grant, adjust or show the credits of a workspace (its id, or its owner's e-mail address)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command per verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb in ("grant", "adjust", "show"):
            command = verbs.add_parser(verb)
            command.add_argument("workspace", help="workspace id, or its owner's e-mail address")
            if verb != "show":
                command.add_argument("amount", type=int)
                command.add_argument("--reason", required=True)
                command.add_argument("--cause", default="", help="the same cause is never booked twice")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find the wallet, move, show."""
        wallet = self.wallet(options["workspace"])
        if options["verb"] != "show":
            self.move(wallet, options)
        wallet.refresh_from_db()
        self.stdout.write(f"{wallet.workspace}: {wallet.available} available, {wallet.held} held")

    def wallet(self, name: str) -> Wallet:
        """The wallet of a workspace id, or of the one workspace a person owns."""
        try:
            key = Q(workspace=uuid.UUID(name))
        except ValueError:
            owned = Membership.objects.filter(user__email__iexact=name, role=Role.OWNER)
            key = Q(workspace__in=owned.values("workspace"))
        found = list(Wallet.objects.select_related("workspace").filter(key).order_by("workspace__name"))
        if len(found) == 1:
            return found[0]
        listed = "".join(f"\n  {each.workspace_id}  {each.workspace}" for each in found)
        raise CommandError(
            f"{name} owns several workspaces; name one by its id:{listed}"
            if found
            else f"No workspace {name}."
        )

    def move(self, wallet: Wallet, options: dict[str, Any]) -> None:
        """Book it with its audit event, or say why not."""
        amount, verb = options["amount"], options["verb"]
        if amount == 0 or (verb == "grant" and amount < 0):
            raise CommandError("The amount must be a whole number above 0 (adjust: not 0).")
        if abs(amount) > MOST:
            raise CommandError(f"The amount may be {MOST:,} at most.")
        if not options["reason"].strip():
            raise CommandError("--reason needs a text; it stands in the statement.")
        for name, most in LONGEST.items():
            if len(options[name]) > most:
                raise CommandError(f"--{name} may have {most} characters at most.")
        cause = options["cause"] or uuid.uuid4().hex
        try:
            with transaction.atomic():
                act = wallet.grant if verb == "grant" else wallet.adjust
                entry = act(amount, cause=cause, actor=None, reason=options["reason"])
                AuditEvent.of(
                    f"credits.{verb}",
                    wallet,
                    actor=None,
                    acting_as=OPERATOR,
                    before={"balance": entry.balance_after - amount},
                    after={"balance": entry.balance_after},
                    amount=amount,
                    reason=options["reason"],
                    cause=entry.cause_key,
                ).save()
        except IntegrityError as error:
            if LedgerEntry.objects.filter(cause_key=f"{verb}:{cause}").exists():
                raise CommandError("Refused: this cause was booked before.") from error
            wallet.refresh_from_db()
            raise CommandError(f"Refused: only {wallet.available} credits are available.") from error
