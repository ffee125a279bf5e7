"""Every test begins with nothing counted: all of them come from one address, within the same minute."""

import pytest
from redis.exceptions import RedisError

from generations.api import rates


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    try:
        rates._shared().storage.reset()
    except RedisError:
        pytest.skip("there is no Redis to count in")
