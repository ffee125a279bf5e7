"""Everybody and everything of two tenants, for a test to ask."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.separation.cast import Cast


@pytest.fixture
def cast(db: None, settings: Any) -> Iterator[Cast]:
    settings.ACCOUNT_RATE_LIMITS = False
    logging.disable(logging.CRITICAL)  # thousands of lines that nobody reads
    yield Cast.make()
    logging.disable(logging.NOTSET)
