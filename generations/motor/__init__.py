"""The motor: look at the row, take the next step.

Form, webhook, cancel button, reconciler and operator only poke it; it alone decides what happens
next. Any step may run twice, at once or after a crash: what it does to the row is compare-and-set.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.utils import timezone

from generations import doorbell
from generations.fal.failures import Reason
from generations.models import OPEN, Generation, State
from generations.motor.deliveries import done, hear, receive_late
from generations.motor.follow import follow
from generations.motor.store import fetch_and_keep
from generations.motor.submit import recover, resolve, submit

logger = logging.getLogger(__name__)

__all__ = ["drive", "store"]


def _hand_to_media(generation: Generation) -> None:
    """Files are fetched by the media workers: minutes of transfer must not delay a submit."""
    done(generation)
    doorbell.poke(generation.pk, queue=doorbell.MEDIA)


STEPS: dict[State, Callable[[Generation], None]] = {
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
    """Take the next step of a generation; nothing when it has ended."""
    generation = Generation.objects.select_related("hold").get(pk=generation_id)
    logger.info("generation=%s event=drive state=%s", generation.pk, generation.state)
    with _ending_at_its_deadline(generation):
        generation = hear(generation)
        STEPS[State(generation.state)](generation)


def store(generation_id: uuid.UUID) -> None:
    """Fetch and keep the file of a generation whose result is known; nothing otherwise."""
    generation = Generation.objects.select_related("hold").get(pk=generation_id)
    with _ending_at_its_deadline(generation):
        fetch_and_keep(generation)


@contextmanager
def _ending_at_its_deadline(generation: Generation) -> Iterator[None]:
    """Even a step that always breaks keeps no credits for ever: its lease ends, then its deadline comes."""
    try:
        yield
    except Exception:
        logger.exception("generation=%s event=step_broke state=%s", generation.pk, generation.state)
        current = Generation.objects.get(pk=generation.pk)
        if State(current.state) in OPEN and current.deadline_at <= timezone.now():
            current.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE)
        raise
