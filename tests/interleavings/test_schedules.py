"""All orders in which a request's news may reach us: never two submits, never two ends, exact credits."""

from typing import Any

import pytest

from generations.models import OPEN, Generation
from tests.interleavings.schedules import EVENTS, every, judge, play, some
from tests.rehearsal import Rehearsal

pytestmark = pytest.mark.django_db(transaction=True)

PARTS, QUICK = 20, 2000


@pytest.fixture(autouse=True)
def _nobody_waits(settings: Any) -> None:
    """The line is not what this is about."""
    settings.FAL_MAX_IN_FLIGHT = settings.MEMBER_MAX_RUNNING = settings.MEMBER_MAX_QUEUED = 100_000


def test_there_are_so_many_schedules() -> None:
    assert len(every()) == 8 + 8 * 7 + 8 * 7 * 6 + 8 * 7 * 6 * 5 + 8 * 7 * 6 * 5 * 4 == 8800
    assert len(set(some(QUICK))) == QUICK
    assert {event for schedule in some(QUICK) for event in schedule} == set(EVENTS)


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_comes_first(stage: Rehearsal, part: int) -> None:
    run(stage, some(QUICK)[part::PARTS])


def run(stage: Rehearsal, schedules: list[tuple[str, ...]]) -> None:
    """Play them all, let everything come to its end, and judge each."""
    played = [play(stage, schedule) for schedule in schedules]
    for _ in range(15):
        stage.turn()
        if not Generation.objects.filter(state__in=OPEN).exists() and not stage.unheard():
            break
    for each in played:
        judge(stage, each)
    stage.check()
