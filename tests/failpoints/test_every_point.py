"""Every failpoint, in every way of coming to harm there: one paid request at most, one end, exact credits."""

import signal

import pytest
from django.db import connection

from generations.failpoints import POINTS
from tests.failpoints.drill import Broken, Child, Torn, breaking
from tests.failpoints.scenes import GIFT, SCENES, Play
from tests.rehearsal import End, Rehearsal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

# PostgreSQL ends a session that hangs in a transaction; not after half a minute, here.
IMPATIENT = "SET idle_in_transaction_session_timeout = '300ms'"


def test_every_point_has_its_scene() -> None:
    assert set(SCENES) == set(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(stage: Rehearsal, point: str) -> None:
    scene, play = SCENES[point], Play(stage)
    scene.before(play)
    assert Child(lambda: scene.step(play), point, signal.SIGKILL).was_killed()
    finish(play, scene.left)


@pytest.mark.parametrize("error", [Broken, Torn], ids=["exception", "end of the process"])
@pytest.mark.parametrize("point", POINTS)
def test_broken_at(stage: Rehearsal, point: str, error: type[BaseException]) -> None:
    scene, play = SCENES[point], Play(stage)
    scene.before(play)
    with breaking(point, error) as reached:
        scene.step(play)
    assert reached == [point]
    finish(play, scene.left)


@pytest.mark.parametrize("point", POINTS)
def test_hanging_past_its_lease_at(stage: Rehearsal, point: str) -> None:
    scene, play = SCENES[point], Play(stage)
    scene.before(play)

    def step() -> None:
        if scene.locks and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(IMPATIENT)
        scene.step(play)

    sleeper = Child(step, point, signal.SIGSTOP)
    assert sleeper.hangs()
    if scene.locks and connection.vendor == "sqlite":
        sleeper.wakes()  # nobody else can write before, however long that takes
        finish(play, scene.back)
        return
    finish(play, scene.left)
    sleeper.wakes()
    finish(play, scene.back)


def finish(play: Play, end: End) -> None:
    """Whatever was begun comes to its end, by the reconciler and the workers alone."""
    play.again()
    play.stage.settle(webhooks_too=end == GIFT)
    assert play.stage.ended(play.generation) == end
    play.stage.check()
    play.stage.check_files()
