"""The motor: look at the row, take the next step.

Form, webhook, cancel button, reconciler and operator only poke it; it alone decides what happens
next. Any step may run twice, at once or after a crash: what it does to the row is compare-and-set.
"""

import logging
import uuid
from collections.abc import Callable

from generations import jobs
from generations.models import Generation, State
from generations.motor.deliveries import hear, receive_late
from generations.motor.follow import follow
from generations.motor.store import store
from generations.motor.submit import recover, resolve, submit

logger = logging.getLogger(__name__)

__all__ = ["drive", "store"]


def _hand_to_media(generation: Generation) -> None:
    """Files are fetched by the media workers: minutes of transfer must not delay a submit."""
    jobs.poke(generation.pk, queue=jobs.MEDIA)


STEPS: dict[str, Callable[[Generation], None]] = {
    State.QUEUED: submit,
    State.SUBMITTING: recover,
    State.AMBIGUOUS: resolve,
    State.SUBMITTED: follow,
    State.STORING: _hand_to_media,
    State.FAILED: receive_late,
}


def drive(generation_id: uuid.UUID) -> None:
    """Take the next step of a generation; nothing when it has ended."""
    generation = hear(Generation.objects.select_related("hold").get(pk=generation_id))
    step = STEPS.get(generation.state)
    logger.info("generation=%s event=drive state=%s", generation.pk, generation.state)
    if step:
        step(generation)
