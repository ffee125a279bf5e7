"""A reservation as most people write it: lock the wallet, look, save, create row after row."""

from collections.abc import Callable

from django.db import transaction

from accounts.models import Wallet
from benchmarks.reservation import rows_of, somebody


def reserve(hot: bool) -> Callable[[], bool]:
    """The same rows as the product's, by Django's ORM with `select_for_update`."""
    turn = somebody(hot)

    def act() -> bool:
        chosen, author = next(turn)
        hold, generation, change, event = rows_of(chosen, author)
        with transaction.atomic():
            wallet = Wallet.objects.select_for_update().get(pk=chosen.pk)
            if wallet.posted - wallet.held < hold.amount:
                return False
            wallet.held += hold.amount
            wallet.save()
            hold.wallet = wallet
            for row in (hold, generation, change, event):
                row.save(force_insert=True)
        return True

    return act
