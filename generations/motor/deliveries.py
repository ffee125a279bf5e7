"""What fal's webhooks tell the motor: they adopt a request whose submit answer was lost, and ring."""

import logging

from django.db.models import QuerySet
from django.utils import timezone

from generations import doorbell
from generations.catalogue import find
from generations.fal.failures import Reason
from generations.fal.replies import Finished, read_video
from generations.gateway import connect
from generations.models import Attempt, Delivery, Generation, State
from generations.timing import RUN_DEADLINE, STORING_DEADLINE, business

logger = logging.getLogger(__name__)

# Only an end that we chose without knowing fal's may be followed by a gift.
GIVEN_UP = (Reason.UNCONFIRMED, Reason.DEADLINE)


def waiting(generation: Generation) -> "QuerySet[Delivery]":
    """Deliveries about a generation that nobody has acted on."""
    return Delivery.objects.filter(attempt__generation=generation, processed_at=None).select_related(
        "attempt"
    )


def done(generation: Generation) -> None:
    """All that was said so far has been acted on."""
    waiting(generation).update(processed_at=timezone.now())


def hear(generation: Generation) -> Generation:
    """Let waiting deliveries adopt their request; the generation as it is afterwards."""
    if generation.state == State.QUEUED and waiting(generation).exists():
        # Only about an attempt that fal refused, or that was never sent: nobody honest says that.
        logger.error("generation=%s event=delivery_for_a_rejected_attempt", generation.pk)
        done(generation)
    if generation.state not in (State.SUBMITTING, State.AMBIGUOUS):
        return generation
    for delivery in waiting(generation):
        if adopt(delivery.attempt, delivery.request_id):
            taken_on(generation, cause="adopted by webhook")
            generation.refresh_from_db()
            break
    return generation


def adopt(attempt: Attempt, request_id: str, **urls: str) -> bool:
    """Record that fal has the attempt as `request_id`; False, and an alarm, when it has another one."""
    if not attempt.status_url and not urls:
        path = find(attempt.generation.endpoint).request_path
        urls = connect().addresses(path, request_id)
    if attempt.adopt(request_id, **urls):
        return True
    logger.error("generation=%s event=second_request request=%s", attempt.generation_id, request_id)
    return False


def taken_on(generation: Generation, *, cause: str, queue_position: int | None = None) -> None:
    """fal has it: whoever held the row before, it is submitted now."""
    current = Generation.objects.get(pk=generation.pk)
    if current.state in (State.SUBMITTING, State.AMBIGUOUS):
        now = timezone.now()
        asked = bool(current.cancel_requested_at)
        current.move(
            State.SUBMITTED,
            cause=cause,
            wake_at=now if asked else now + business(FIRST_LOOK),
            deadline_at=now + business(RUN_DEADLINE),
            queue_position=queue_position,
        )


FIRST_LOOK = 15.0


def receive_late(generation: Generation) -> None:
    """A result after we gave up: worth fetching, for a day, and a gift."""
    oldest = timezone.now() - business(STORING_DEADLINE)
    for delivery in waiting(generation).filter(received_at__gte=oldest):
        video = read_video(delivery.body.get("payload"))
        if generation.reason not in GIVEN_UP or delivery.status != "OK" or not isinstance(video, Finished):
            continue
        if adopt(delivery.attempt, delivery.request_id):
            Attempt.objects.filter(pk=delivery.attempt_id).update(result=video.raw)
            doorbell.poke(generation.pk, queue=doorbell.MEDIA)
            return
    done(generation)
