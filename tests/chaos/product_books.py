"""The product's books, read row by row once Django is set up; and the people a run puts into them."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from accounts.models import LedgerEntry, Membership, Role, User, Wallet, open_workspace
from generations.invariants import violations
from generations.models import OPEN, Attempt, Clip, Delivery, StateChange
from generations.models import Generation as Row
from tests.chaos.facts import Books, File, Generation, Purse, Step
from tests.chaos.people import Person, session_of
from tests.chaos.wishes import CREDITS, Wishes

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class House:
    """What the bench asks of the product's database. It goes around the product's own code to read."""

    def populate(self, wishes: Wishes) -> list[Person]:
        """Workspaces with credits, people in them, and a session for each."""
        people = [
            User(email=f"person{number}@example.com", password="!")  # nobody signs in by a form here
            for number in range(wishes.people)
        ]
        User.objects.bulk_create(people)
        spaces = []
        for number in range(wishes.workspaces):
            space = open_workspace(f"Team {number}", owner=people[number])
            space.wallet.grant(CREDITS, cause=f"chaos:{number}")
            spaces.append(space)
        Membership.objects.bulk_create(
            Membership(user=user, workspace=spaces[number % len(spaces)], role=Role.CREATOR)
            for number, user in enumerate(people)
            if number >= len(spaces)
        )
        return [Person(number, session_of(user, BACKEND)) for number, user in enumerate(people)]

    def find(self, form_key: str) -> str | None:
        """The id of what a form made."""
        found = Row.objects.filter(form_key=uuid.UUID(form_key)).values_list("pk", flat=True).first()
        return str(found) if found else None

    def open(self) -> int:
        """Rows that are not at an end, and things said that nobody acted on."""
        unheard = Delivery.objects.filter(processed_at=None).count()
        return Row.objects.filter(state__in=OPEN).count() + unheard

    def books(self) -> Books:
        """All of it, as of one moment: whatever has not settled goes on while we read."""
        with transaction.atomic():
            if connection.vendor == "postgresql":
                connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return self._read()

    def _read(self) -> Books:
        granted = granted_by_workspace()
        return Books(
            generations=list(generations()),
            purses=[
                Purse(str(each.workspace_id), granted[each.workspace_id], each.posted, each.held)
                for each in Wallet.objects.all()
            ],
            files=[File(*row) for row in Clip.objects.values_list("file", "size", "sha256")],
            waiting=Delivery.objects.filter(processed_at=None).count(),
        )

    def violations(self) -> list[str]:
        """What the product's own auditor finds."""
        return [f"{each.invariant}: {each.row}" for each in violations()]


def granted_by_workspace() -> dict[Any, int]:
    """What was put into each wallet."""
    granted: dict[Any, int] = defaultdict(int)
    for space, amount in LedgerEntry.objects.filter(kind="grant").values_list(
        "wallet__workspace_id", "amount"
    ):
        granted[space] += amount
    return granted


def generations() -> Iterator[Generation]:
    """Every generation with its money, its attempts and its story."""
    tokens, charges, story = defaultdict(list), defaultdict(list), defaultdict(list)
    for attempt in Attempt.objects.order_by("number"):
        tokens[attempt.generation_id].append((attempt.token_hash, attempt.request_id))
    for entry in LedgerEntry.objects.exclude(hold=None):
        charges[entry.hold_id].append(-entry.amount)
    for change in StateChange.objects.order_by("id"):
        story[change.generation_id].append(Step(change.at, change.after, change.cause))
    for row in Row.objects.select_related("hold", "clip").iterator(2000):
        ended = row.finished_at
        yield Generation(
            id=str(row.pk),
            form_key=row.form_key.hex,
            workspace=str(row.workspace_id),
            prompt=row.prompt,
            state=row.state,
            price=row.cost,
            charges=tuple(charges[row.hold_id]),
            held=row.held,
            gift=row.late_free,
            reason=row.reason,
            tokens=frozenset(token for token, _ in tokens[row.pk]),
            requests=frozenset(request for _, request in tokens[row.pk] if request),
            files=(row.clip.file, row.clip.poster) if row.clip else (),
            clip=row.clip.sha256 if row.clip else "",
            seconds=(ended - row.created_at).total_seconds() if ended else None,
            story=tuple(story[row.pk]),
        )
