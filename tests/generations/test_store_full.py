"""A clip that comes while the disk is full: it waits, nothing is charged or half there, and then goes on.

On PostgreSQL only: a file of SQLite's would meet the limit of this process as well.
"""

from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from generations import motor
from tests.disk import full_after
from tests.fal.hosting import Host
from tests.generations.ageing import expire, now
from tests.generations.conftest import CLIP
from tests.generations.puppet import Puppet
from tests.generations.test_store import assert_lost, assert_stored, assert_waits, step, storing
from tests.world import World

pytestmark = [
    pytest.mark.usefixtures("own_folders"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
]


def test_while_the_disk_is_full_a_download_waits_longer_and_longer_and_then_goes_on(
    lasting: World, puppet: Puppet, host: Host
):
    generation = storing(lasting, puppet)
    for tries in range(9):
        with full_after(2000):
            step(generation)
        assert_waits(generation)
        wait = (now(generation).wake_at - timezone.now()).total_seconds()  # type: ignore[operator]
        assert 0.75 <= wait / min(5 * 2**tries, 600) <= 1.2
    assert_stored(step(generation))


def test_while_the_vault_is_full_nothing_of_a_clip_is_in_it_and_then_it_is_not_fetched_again(
    lasting: World, puppet: Puppet, host: Host
):
    generation = storing(lasting, puppet)
    Path(storages["default"].path("")).mkdir()
    Path(storages["default"].path("clips")).write_bytes(b"")  # a folder that cannot be made
    step(generation)
    Path(storages["default"].path("clips")).unlink()
    assert_waits(generation)
    assert len(host.asked) == 1
    with full_after(len(CLIP) - 1):
        step(generation)
    assert_waits(generation)
    assert_stored(step(generation))
    assert len(host.asked) == 1


def test_a_disk_that_stays_full_ends_at_the_deadline_without_a_charge(
    lasting: World, puppet: Puppet, host: Host
):
    generation = storing(lasting, puppet)
    with full_after(2000):
        step(generation)
        expire(generation)
        motor.store(generation.pk)
    assert_lost(generation)
