"""A fal on a string, for tests that need one misbehaviour at one moment."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.generations.puppet import Puppet, serving
from tests.world import World


@pytest.fixture
def puppet(settings: Any) -> Iterator[Puppet]:
    with serving() as made:
        settings.FAL_QUEUE_URL = settings.FAL_REST_URL = made.url
        settings.FAL_MEDIA_HOSTS = [made.url.removeprefix("http://")]
        yield made


@pytest.fixture
def lasting(transactional_db: None) -> World:
    """The usual people, in committed rows: the motor refuses to speak to fal inside a transaction."""
    return World.make()
