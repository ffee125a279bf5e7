"""Every test begins with nothing counted: all of them come from one address, within the same minute."""

from contextlib import suppress

import pytest
from redis.exceptions import RedisError

from generations.api import rates


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    with suppress(RedisError):  # without Redis nothing was counted
        rates._shared().storage.reset()
