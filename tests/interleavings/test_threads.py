"""The same news at the same moment, in threads: whoever is first, there is one end and exact credits."""

import random
import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connections

from generations import motor
from tests.interleavings.schedules import AGAIN, CANCEL, DONE, ERROR, OK, REPLY, Played, apply, wind_up
from tests.little_fal import Taken
from tests.rehearsal import Rehearsal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

TESTS, EACH = 8, 25
NEWS = (OK, ERROR, DONE, CANCEL, AGAIN)


@pytest.mark.parametrize("seed", range(TESTS))
def test_whoever_is_first(stage: Rehearsal, seed: int) -> None:
    draw = random.Random(seed)
    wind_up(stage, [at_once(stage, draw) for _ in range(EACH)])


def at_once(stage: Rehearsal, draw: random.Random) -> Played:
    """Two to four events let go together, while fal's answer is on its way or when it has come."""
    events = draw.sample(NEWS, draw.randint(2, 4))
    answered_before = draw.random() < 0.5
    generation, taken = stage.order(), list[Taken]()
    barrier = threading.Barrier(len(events) + (not answered_before))

    def meanwhile(one: Taken) -> None:
        one.state = "running"
        taken.append(one)
        if not answered_before:
            start()
            barrier.wait(30)

    def start() -> None:
        deeds = [partial(apply, stage, generation, taken[0], event) for event in events]
        threads.extend(background(barrier, deed) for deed in deeds)

    threads: list[Background] = []
    stage.fal.meanwhile = meanwhile
    motor.drive(generation.pk)
    stage.fal.meanwhile = None
    if answered_before:
        start()
    for thread in threads:
        thread.finish()
    played = Played((REPLY, *events), generation, taken[0])
    taken[0].state = played.truth
    stage.clear_bells()
    return played


class Background(threading.Thread):
    """A deed whose error is not lost."""

    def __init__(self, deed: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.deed = deed
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.deed()
        except BaseException as error:  # noqa: BLE001 - raised again where somebody looks
            self.error = error
        finally:
            connections.close_all()

    def finish(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error


def background(barrier: threading.Barrier, deed: Callable[[], object]) -> Background:
    """Started, and let go when all are there."""

    def together() -> None:
        barrier.wait(30)
        deed()

    thread = Background(together)
    thread.start()
    return thread
