"""Sample data a second time: a demo starts again, whatever its people did in it."""

import pytest
from django.core.management import call_command

from accounts.models import Budget, Membership, Role, Wallet, open_workspace
from accounts.models.people import User
from generations.management.commands.seed import ADA, BEN
from generations.models import Generation

pytestmark = pytest.mark.both_databases


def seed() -> tuple[int, list[int]]:
    """The number of clips afterwards, and what the wallets have."""
    call_command("seed", clips=6, wait=0)
    return Generation.objects.count(), sorted(Wallet.objects.values_list("posted", flat=True))


def test_after_people_went_elsewhere_and_budgets_changed_the_samples_are_as_they_were(db: None) -> None:
    before = seed()
    assert before[0] == 7
    ada, ben = (User.objects.get(email=each) for each in (ADA, BEN))
    Budget.objects.update(most=0, beyond=Budget.Beyond.REFUSE)
    open_workspace("Another", owner=ben)
    Membership.objects.filter(user=ben).exclude(workspace__name="Another").delete()
    Membership.objects.filter(user=ada).update(role=Role.VIEWER)
    count, wallets = seed()
    assert (count, wallets) == (before[0], sorted([*before[1], 0]))
