"""All orders in which a request's news may reach us: never two submits, never two ends, exact credits.

`--every-schedule` plays all 8,800 of up to five events; otherwise 500 of them, the same each time: all of up
to three events and a draw from the rest. On SQLite a third of those.
"""

from itertools import islice

import pytest
from django.db import connection

from tests.interleavings.schedules import EVENTS, Schedule, every, play, some, wind_up
from tests.rehearsal import Rehearsal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

PARTS, QUICK, TOGETHER = 20, 500, 50


def test_there_are_so_many_schedules() -> None:
    assert len(every()) == 8 + 8 * 7 + 8 * 7 * 6 + 8 * 7 * 6 * 5 + 8 * 7 * 6 * 5 * 4 == 8800
    assert len(set(some(QUICK))) == QUICK
    assert {event for schedule in some(QUICK) for event in schedule} == set(EVENTS)


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_comes_first(stage: Rehearsal, part: int, request: pytest.FixtureRequest) -> None:
    schedules = every() if request.config.getoption("every_schedule") else some(QUICK)
    thinned = schedules[:: 3 if connection.vendor == "sqlite" else 1]
    mine = iter(thinned[part::PARTS])
    while together := list(islice(mine, TOGETHER)):
        run(stage, together)


def run(stage: Rehearsal, schedules: list[Schedule]) -> None:
    """Play them all, let everything come to its end, and judge each."""
    played = [play(stage, schedule) for schedule in schedules]
    wind_up(stage, played)
