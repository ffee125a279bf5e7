"""A second kill while recovering from the first: every ordered pair of the points where money is at stake."""

import signal
from itertools import product

import pytest

from generations.models import Generation, State
from tests.failpoints.drill import Child
from tests.failpoints.scenes import SCENES, Play
from tests.rehearsal import Rehearsal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

# In the order of a generation's life. After a kill at one, which of them does the recovery pass again?
SENT = ("submit.prepared", "submit.sending", "submit.answered", "submit.recorded")
HEARD = ("webhook.stored", "follow.asked")
KEPT = ("store.put", "store.settling")
CRITICAL = SENT + HEARD + KEPT
PASSED: dict[str, tuple[str, ...]] = {
    "submit.prepared": CRITICAL,  # nothing was sent: all of it once more
    "submit.sending": (),  # nobody can know: it ends unconfirmed
    "submit.answered": HEARD + KEPT,  # found in fal's list
    "submit.recorded": HEARD + KEPT,
    # fal, which got no answer or was slow, calls again; our own looks are over.
    "webhook.stored": ("webhook.stored", *KEPT),
    "follow.asked": HEARD + KEPT,
    "store.put": ("webhook.stored", *KEPT),
    "store.settling": ("webhook.stored", *KEPT),
}


def test_the_table_is_about_all_of_them() -> None:
    assert set(PASSED) == set(CRITICAL)
    assert len(CRITICAL) == 8


@pytest.mark.parametrize(("first", "second"), list(product(CRITICAL, CRITICAL)))
def test_killed_again(stage: Rehearsal, first: str, second: str) -> None:
    scene, play = SCENES[first], Play(stage)
    scene.before(play)
    assert Child(lambda: scene.step(play), first, signal.SIGKILL).was_killed()
    assert recovering(play, second) == (second in PASSED[first])
    stage.settle()
    # A kill before the first byte left, whichever of the two it was, and nobody can know.
    sending = "submit.sending" in {first, second if second in PASSED[first] else ""}
    end = SCENES["submit.sending"].left if sending else scene.left
    assert stage.ended(play.generation) == end
    stage.check()
    stage.check_files()


def recovering(play: Play, point: str) -> bool:
    """Turn after turn in processes of their own, until one is killed; False when it recovers before."""
    for _ in range(8):
        if not Generation.objects.get(pk=play.generation.pk).is_open:
            return False
        calls = point.startswith("webhook.") and bool(play.stage.fal.taken)
        step = play.webhook if calls else play.stage.turn
        child = Child(step, point, signal.SIGKILL)
        if child.was_killed():
            return True
    raise AssertionError(State(play.generation.state))
