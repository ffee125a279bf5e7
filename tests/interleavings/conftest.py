"""One stage for all plays of a module, on which nobody waits in line and no file is fetched."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rehearsal import Rehearsal, rehearsing, settled


@pytest.fixture(scope="module")
def shared_stage(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsal]:
    with rehearsing(django_db_blocker, tmp_path_factory.mktemp("stage")) as made:
        made.fetch = settled
        yield made


@pytest.fixture
def stage(shared_stage: Rehearsal, settings: Any) -> Rehearsal:
    """Nothing is left of the play before."""
    settings.FAL_MAX_IN_FLIGHT = settings.MEMBER_MAX_RUNNING = settings.MEMBER_MAX_QUEUED = 100_000
    shared_stage.clear()
    return shared_stage


@pytest.fixture
def _django_db_helper(stage: Rehearsal) -> None:
    """In place of pytest-django's: nothing is rolled back or emptied between the plays of a module."""
