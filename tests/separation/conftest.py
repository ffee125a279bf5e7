"""Everybody and everything of two tenants, made once for the tests of a module to ask."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from generations.api import rates
from generations.invariants import violations
from tests.separation.asking import undone
from tests.separation.cast import Cast


@pytest.fixture(scope="module")
def everybody(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cast]:
    """In a transaction that is never committed. Nobody asks too often here."""
    logging.disable(logging.CRITICAL)  # thousands of lines that nobody reads
    without = override_settings(ACCOUNT_RATE_LIMITS=False, API_RATE=10**9)
    with pytest.MonkeyPatch.context() as patched, without, django_db_blocker.unblock(), transaction.atomic():
        patched.setattr(rates, "STRANGERS", 10**9)
        made = Cast.make()
        assert not list(violations())
        yield made
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


@pytest.fixture
def _django_db_helper(everybody: Cast) -> Iterator[None]:
    """Instead of a transaction for each test: a part of the module's, with nothing of the test before."""
    with undone():
        yield


@pytest.fixture(autouse=True)
def _exact_ledger() -> None:
    """Instead of a look at the books after each test: there is one when they are made."""


@pytest.fixture
def cast(db: None, everybody: Cast) -> Cast:
    """As it was made."""
    return everybody
