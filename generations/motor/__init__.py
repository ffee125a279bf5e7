"""The motor: look at the row, take the next step.

Form, webhook, cancel button, reconciler and operator only poke it; it alone decides what happens
next. Any step may run twice, at once or after a crash: what it does to the row is compare-and-set.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import extract_tb

from generations import approvals, doorbell, line
from generations.fal.failures import Reason
from generations.models import OPEN, WITH_FAL, Generation, State
from generations.motor.ambiguous import resolve
from generations.motor.deliveries import done, hear, receive_late, waiting
from generations.motor.follow import follow
from generations.motor.store import fetch_and_keep
from generations.motor.submit import recover, submit
from generations.timing import backing_off, now

logger = logging.getLogger(__name__)

__all__ = ["drive", "store"]


def _hand_to_media(generation: Generation) -> None:
    """Files are fetched by the media workers: minutes of transfer must not delay a submit."""
    done(generation)
    doorbell.poke(generation.pk, queue=doorbell.MEDIA)


def _undecided(generation: Generation) -> None:
    """Nobody decided about it in time."""
    if generation.deadline_at <= now():
        approvals.lapse(generation)


STEPS: dict[State, Callable[[Generation], None]] = {
    State.AWAITING: _undecided,
    State.QUEUED: submit,
    State.SUBMITTING: recover,
    State.AMBIGUOUS: resolve,
    State.SUBMITTED: follow,
    State.STORING: _hand_to_media,
    State.FAILED: receive_late,
    # What is said about something that has ended so changes nothing any more.
    State.SUCCEEDED: done,
    State.CANCELLED: done,
}


def drive(generation_id: uuid.UUID) -> None:
    """Take the next step of a generation whose time has come, or about which something was delivered."""
    generation = Generation.objects.select_related("hold").get(pk=generation_id)
    logger.info("generation=%s event=drive state=%s", generation.pk, generation.state)
    before = generation.state
    with _contained(generation):
        generation = hear(generation)
        if not generation.is_asleep or waiting(generation).exists():
            STEPS[State(generation.state)](generation)
    if before in WITH_FAL and generation.state not in WITH_FAL:
        line.move_up()  # a place became free


def store(generation_id: uuid.UUID) -> None:
    """Fetch and keep the file of a generation whose result is known; nothing otherwise."""
    generation = Generation.objects.select_related("hold").get(pk=generation_id)
    with _contained(generation):
        if not generation.is_asleep:
            fetch_and_keep(generation)


@contextmanager
def _contained(generation: Generation) -> Iterator[None]:
    """A step that breaks in a way nobody foresaw is tried again, more and more rarely, until its deadline.

    Only the kind and the place of the error are written down: its text may quote a prompt.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, credits must not stay held for ever
        where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[:0:-1])
        name = type(error).__name__
        logger.error("generation=%s event=step_broke error=%s at=%s", generation.pk, name, where)  # noqa: TRY400 - no text
        # By the epoch that this step had: what somebody else took over meanwhile is theirs.
        mine = Generation.objects.filter(pk=generation.pk, epoch=generation.epoch, state__in=OPEN).first()
        if mine:
            _after_a_break(mine)


def _after_a_break(generation: Generation) -> None:
    if generation.deadline_at <= now() and generation.state != State.SUBMITTING:
        generation.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE)
    elif generation.state != State.SUBMITTING:  # there, what was sent is decided when the lease has ended
        generation.wait(backing_off(generation.tries, first=5, factor=2, cap=300))
