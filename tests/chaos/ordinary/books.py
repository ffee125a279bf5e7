"""What the judge is told about the ordinary studio, in the same words as about the product."""

import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Sum

from tests.chaos.facts import Books, Generation, Purse
from tests.chaos.ordinary.models import PRICE, Account, Clip, Payment
from tests.chaos.people import Person, session_of
from tests.chaos.wishes import CREDITS, Wishes

STATES = {"done": "succeeded"}
BACKEND = "django.contrib.auth.backends.ModelBackend"


class House:
    """See `tests.chaos.facts.House`."""

    def populate(self, wishes: Wishes) -> list[Person]:
        """As many people and teams as the product gets."""
        accounts = [
            Account.objects.create(granted=CREDITS, balance=CREDITS) for _ in range(wishes.workspaces)
        ]
        people = []
        for number in range(wishes.people):
            user = User.objects.create(username=str(number), password="!")
            accounts[number % len(accounts)].members.add(user)
            people.append(Person(number, session_of(user, BACKEND)))
        return people

    def find(self, form_key: str) -> str | None:
        """The newest clip of a form."""
        found = Clip.objects.filter(form_key=form_key).order_by("-pk").values_list("pk", flat=True).first()
        return str(found) if found else None

    def open(self) -> int:
        """Clips that are not at an end."""
        return Clip.objects.filter(state__in=["queued", "running"]).count()

    def books(self) -> Books:
        """All of it."""
        purses = [Purse(str(each.pk), each.granted, each.balance, 0) for each in Account.objects.all()]
        return Books(list(generations()), purses)

    def violations(self) -> list[str]:
        """It has no auditor."""
        return []


def generations() -> Iterator[Generation]:
    """Every clip; what was paid for it is what was taken less what was given back."""
    paid = dict(Payment.objects.values_list("clip").annotate(Sum("amount")))
    for clip in Clip.objects.select_related("account"):
        file = settings.MEDIA_ROOT / "clips" / f"{clip.pk}.mp4"
        net = paid.get(clip.pk, 0)
        yield Generation(
            id=str(clip.pk),
            form_key=clip.form_key,
            workspace=str(clip.account.pk),
            prompt=clip.prompt,
            state=STATES.get(clip.state, clip.state),
            price=PRICE,
            charges=(net,) if net else (),
            requests=frozenset({clip.request_id} - {""}),
            files=(f"clips/{clip.pk}.mp4",) if clip.state == "done" else (),
            clip=hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "",
            seconds=(clip.finished_at - clip.created_at).total_seconds() if clip.finished_at else None,
        )
