"""Every failpoint, in every way of coming to harm there: one paid request at most, one end, exact credits."""

import signal
from itertools import product

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


# Who takes over a step may hang in it as well, and then the first wakes up: only the epoch tells them apart.
STEPS = (
    (("submit.claimed", "submit.prepared"), ("submit.claimed", "submit.prepared", "submit.sending")),
    (("follow.leased", "follow.asked"), ("follow.leased", "follow.asked")),
    (("store.leased", "store.fetching", "store.put"), ("store.leased", "store.fetching", "store.put")),
)


@pytest.mark.parametrize(("first", "second"), [pair for step in STEPS for pair in product(*step)])
def test_overtaken_at(stage: Rehearsal, first: str, second: str) -> None:
    scene, play = SCENES[first], Play(stage)
    scene.before(play)
    sleeper = Child(lambda: scene.step(play), first, signal.SIGSTOP)
    assert sleeper.hangs()
    stage.passes()

    def step() -> None:
        for _ in range(2):  # a submit is put back first, and claimed then
            scene.step(play)

    successor = Child(step, second, signal.SIGSTOP)
    assert successor.hangs()
    before = play.row()
    sleeper.wakes()
    assert play.row() == before
    successor.wakes()
    finish(play, scene.left)


def finish(play: Play, end: End) -> None:
    """Whatever was begun comes to its end, by the reconciler and the workers alone."""
    play.again()
    play.stage.settle(webhooks_too=end == GIFT)
    assert play.stage.ended(play.generation) == end
    play.stage.check()
    play.stage.check_files()
