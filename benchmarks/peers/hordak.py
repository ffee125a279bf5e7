"""A charge by django-hordak, the ledger that people would install: one transfer between two accounts.

It looks at no balance first and makes no row of a generation, so it does less than the product.
Optional: `pip install django-hordak==2.0.0` beside the development packages.
"""

import importlib.util
import random
from collections.abc import Callable
from itertools import cycle

SETTINGS = "benchmarks.peers.hordak_settings"
ACCOUNTS = 500


def installed() -> bool:
    """Whether it can be measured here."""
    return importlib.util.find_spec("hordak") is not None


def transfer(hot: bool) -> Callable[[], bool]:
    """From a customer's account to income. The accounts are made by the first client that comes."""
    from django.db import connection, transaction  # noqa: PLC0415 - its own settings come first
    from hordak.models import Account  # noqa: PLC0415 - optional
    from moneyed import Money  # noqa: PLC0415 - optional

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(1)")
        if not Account.objects.exists():
            kinds = {"Income": 1, "Customer": 1 if hot else ACCOUNTS}
            for name, count in kinds.items():
                type_ = Account.TYPES.income if name == "Income" else Account.TYPES.liability
                for number in range(count):
                    Account.objects.create(name=f"{name} {number}", type=type_, currencies=["EUR"])
    income = Account.objects.get(type="IN")
    customers = list(Account.objects.filter(type="LI"))
    random.shuffle(customers)
    turn = cycle(customers)

    def act() -> bool:
        with transaction.atomic():
            next(turn).transfer_to(income, Money(40, "EUR"))
        return True

    return act
