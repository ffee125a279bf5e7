"""What fal's webhooks tell the motor: they adopt a request whose submit answer was lost, and ring."""

import logging
import uuid

from django.db import transaction
from django.db.models import Exists, Q, QuerySet

from generations import doorbell
from generations.catalogue import find
from generations.fal.failures import Reason
from generations.fal.replies import Finished, Unavailable, read_video
from generations.gateway import connect
from generations.models import Attempt, Delivery, Generation, State
from generations.timing import FIRST_LOOK, RUN_DEADLINE, STORING_DEADLINE, business, now

logger = logging.getLogger(__name__)

NOT_YET_WITH_FAL = (State.QUEUED, State.SUBMITTING, State.AMBIGUOUS)
# A row has few writers at a time; whoever loses this often in a row is better told than kept.
RACES = 5

# Only an end that we chose without knowing fal's may be followed by a gift.
GIVEN_UP = (Reason.UNCONFIRMED, Reason.DEADLINE)


def waiting(generation: Generation) -> "QuerySet[Delivery]":
    """Deliveries about a generation that nobody has acted on."""
    return Delivery.objects.filter(attempt__generation=generation, processed_at=None).select_related(
        "attempt"
    )


def done(generation: Generation) -> None:
    """All that was said so far has been acted on."""
    waiting(generation).update(processed_at=now())


def look_if_asked(generation: Generation) -> None:
    """Ring again when somebody said or asked something while this step was busy."""
    said = Exists(waiting(generation))
    if Generation.objects.filter(Q(cancel_requested_at__isnull=False) | said, pk=generation.pk).exists():
        doorbell.poke(generation.pk)


def hear(generation: Generation) -> Generation:
    """Let waiting deliveries adopt their request; the generation as it is afterwards."""
    if generation.state in NOT_YET_WITH_FAL:
        for delivery in waiting(generation):
            if taken_on(delivery.attempt, delivery.request_id, cause="adopted by webhook"):
                generation.refresh_from_db()
                break
    return generation


def taken_on(
    attempt: Attempt, request_id: str, *, cause: str, queue_position: int | None = None, **urls: str
) -> bool:
    """fal has the attempt: record its request and move its generation on, in one transaction.

    False, and an alarm, when the attempt is known to be another request or another attempt is live:
    that would be a second paid submission.
    """
    if not urls and not attempt.status_url:
        path = find(attempt.generation.endpoint).request_path
        urls = connect().addresses(path, request_id)
    for _ in range(RACES):
        with transaction.atomic():
            if _moved_on(attempt.generation_id, cause, queue_position):
                _forbid_others(attempt)
                if attempt.adopt(request_id, **urls):
                    return True
                transaction.set_rollback(True)
                break
            transaction.set_rollback(True)
    logger.error("generation=%s event=not_adopted fal_request=%s", attempt.generation_id, request_id)
    return False


def _forbid_others(taken: Attempt) -> None:
    """Another attempt may be prepared meanwhile; the move has fenced off the worker that would send it."""
    prepared = Attempt.objects.filter(generation=taken.generation_id, state=Attempt.State.PREPARED)
    prepared.exclude(pk=taken.pk).update(
        state=Attempt.State.REJECTED, reply={"error": "fal had taken another one"}
    )


def _moved_on(generation_id: uuid.UUID, cause: str, queue_position: int | None) -> bool:
    """Whoever held the row before, it is submitted now (or further already). False after a lost race."""
    current = Generation.objects.get(pk=generation_id)
    if current.state not in NOT_YET_WITH_FAL:
        return True
    moment = now()
    pause = 0 if current.cancel_requested_at else FIRST_LOOK
    return current.move(
        State.SUBMITTED,
        cause=cause,
        wake_at=moment + business(pause),
        deadline_at=moment + business(RUN_DEADLINE),
        queue_position=queue_position,
    )


def receive_late(generation: Generation) -> None:
    """A result after we gave up: worth fetching, for a day, and a gift."""
    oldest = now() - business(STORING_DEADLINE)
    recent = waiting(generation).filter(received_at__gte=oldest, status="OK")
    for delivery in recent if generation.reason in GIVEN_UP else ():
        if taken_on(delivery.attempt, delivery.request_id, cause="late webhook"):
            video = _late_video(delivery)
            if video:
                Attempt.objects.filter(pk=delivery.attempt_id).update(result=video.raw)
                doorbell.poke(generation.pk, queue=doorbell.MEDIA)
                return
    done(generation)


def _late_video(delivery: Delivery) -> Finished | None:
    """What it says; but an old signature may be a replay, and is a reason to ask, not to believe."""
    said = read_video(delivery.body.get("payload"))
    if isinstance(said, Finished) and not delivery.stale:
        return said
    delivery.attempt.refresh_from_db()
    try:
        outcome = connect().result(delivery.attempt.response_url)
    except Unavailable:
        return None
    return outcome if isinstance(outcome, Finished) else None
