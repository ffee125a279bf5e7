"""From submitted to a result: by webhook if one came, by asking otherwise."""

import logging
import uuid

from django.db import transaction

from generations import doorbell
from generations.failpoints import failpoint
from generations.fal.client import Fal
from generations.fal.failures import Failure, Reason
from generations.fal.replies import (
    Finished,
    NotYet,
    Progress,
    ResultOutcome,
    Unavailable,
    Unknown,
    Unusable,
    read_video,
)
from generations.gateway import connect
from generations.models import Attempt, Delivery, Generation, State
from generations.motor import door
from generations.motor.deliveries import done, waiting
from generations.motor.submit import fail
from generations.timing import (
    FIRST_LOOK,
    FOLLOW_LEASE,
    LOST_AFTER,
    MINUTE,
    QUEUE_DEADLINE,
    START_DEADLINE,
    STORING_DEADLINE,
    backing_off,
    business,
    now,
)

logger = logging.getLogger(__name__)

# fal may take a moment to know its own request, and a result may be there only at the second look.
LOST_LOOKS = 3


def follow(generation: Generation) -> None:
    """One look at a submitted generation: take the result if there is one, cancel if asked, else wait."""
    if not generation.lease(seconds=FOLLOW_LEASE):
        return
    attempt = generation.attempts.get(state=Attempt.State.ACCEPTED)
    # Noted before we ask: what comes while we ask must ring again.
    heard = list(waiting(generation).values_list("pk", flat=True))
    fal = connect()
    assert failpoint("follow.leased")
    outcome: ResultOutcome | Progress | None = _delivered(attempt)
    if outcome is None and door.open_to(fal):
        _cancel_if_asked(generation, attempt, fal)
        outcome = _asked(generation, attempt, fal)
    assert failpoint("follow.asked")
    if isinstance(outcome, Finished):
        _store(generation, attempt, outcome)
    elif isinstance(outcome, Failure):
        _fail(generation, attempt, outcome)
    elif outcome is None and generation.deadline_at <= now() < attempt.prepared_at + business(QUEUE_DEADLINE):
        generation.put_off()  # nobody could be asked: an outage is no evidence against a clip
    elif generation.deadline_at <= now():
        _give_up(generation, attempt, fal)
    elif isinstance(outcome, Unknown | Unusable):
        _lose(generation, outcome)
    else:
        position = outcome.queue_position if isinstance(outcome, Progress) else None
        _look_again(generation, heard, position)


def _delivered(attempt: Attempt) -> Finished | None:
    """A delivery with a video is used; any other one is a reason to ask fal itself."""
    for delivery in attempt.deliveries.filter(processed_at=None, stale=False, status="OK"):
        video = read_video(delivery.body.get("payload"))
        if isinstance(video, Finished):
            return video
    return None


def _cancel_if_asked(generation: Generation, attempt: Attempt, fal: Fal) -> None:
    if not generation.cancel_requested_at or generation.cancel_sent_at:
        return
    try:
        word = fal.cancel(attempt.cancel_url)
    except Unavailable as error:
        logger.info("generation=%s event=cancel_unavailable why=%s", generation.pk, error)
        return
    assert failpoint("cancel.sent")
    logger.info("generation=%s event=cancel_sent answer=%s", generation.pk, word)
    Generation.objects.filter(pk=generation.pk).update(cancel_sent_at=now())


def _asked(generation: Generation, attempt: Attempt, fal: Fal) -> ResultOutcome | Progress | None:
    """None when fal could not be asked."""
    try:
        progress = fal.status(attempt.status_url)
        # A status of 404 may only mean that the status is gone: the result decides.
        waits = isinstance(progress, Progress) and not progress.completed
        outcome = progress if waits else fal.result(attempt.response_url)
    except Unavailable as error:
        logger.info("generation=%s event=fal_unavailable why=%s", attempt.generation_id, error)
        door.unavailable(error)
        return None
    door.answered()
    if isinstance(outcome, Unknown | Unusable) or _may_pass(progress, outcome):
        return _doubted(generation, attempt, fal, outcome)
    if isinstance(outcome, Progress | NotYet):
        attempt.was_seen()
    return outcome


def _may_pass(progress: Progress | Unknown, outcome: ResultOutcome | Progress) -> bool:
    """A 5xx of which the status says nothing may be the address's own trouble, not the run's."""
    named = isinstance(progress, Progress) and (progress.raw.get("error") or progress.raw.get("error_type"))
    return isinstance(outcome, Failure) and outcome.http >= 500 and not named


def _doubted(
    generation: Generation, attempt: Attempt, fal: Fal, outcome: ResultOutcome | Progress
) -> ResultOutcome | Progress:
    """An answer that may be the address's own trouble is believed after several in a row, over ten minutes.

    Before that the list of requests is asked: the queue keeps results for an hour, the list for a month.
    While it cannot be read, an hour passes.
    """
    if attempt.looked_in_vain() < LOST_LOOKS:
        return NotYet()
    patience = LOST_AFTER
    try:
        listed = fal.past(generation.endpoint, str(attempt.request_id))
    except Unavailable as error:
        logger.info("generation=%s event=list_unavailable why=%s", generation.pk, error)
        listed, patience = Unknown(), START_DEADLINE
    if isinstance(listed, NotYet):
        attempt.was_seen()
    if not isinstance(listed, Unknown | Unusable):
        return listed
    early = now() - (attempt.lost_since or now()) < business(patience)
    return NotYet() if early else outcome


def _lose(generation: Generation, outcome: Unknown | Unusable) -> None:
    if isinstance(outcome, Unknown):
        ended = generation.finish(State.FAILED, cause="lost by fal", reason=Reason.PROVIDER_FAULT)
    else:
        ended = generation.finish(State.FAILED, cause="no video in the result", reason=Reason.MEDIA_LOST)
    if ended:
        done(generation)


def _store(generation: Generation, attempt: Attempt, outcome: Finished) -> None:
    moment = now()
    with transaction.atomic():
        if generation.move(
            State.STORING,
            cause="result ready",
            wake_at=moment,
            deadline_at=moment + business(STORING_DEADLINE),
            queue_position=None,
        ):
            # With the move or not at all: a fenced-off worker's answer must not replace the winner's.
            Attempt.objects.filter(pk=attempt.pk).update(result=outcome.raw, lost_looks=0, lost_since=None)
            done(generation)
            doorbell.poke(generation.pk, queue=doorbell.MEDIA)


def _fail(generation: Generation, attempt: Attempt, failure: Failure) -> None:
    with transaction.atomic():
        if failure.reason == Reason.CANCELLED and generation.cancel_requested_at:
            ended = generation.finish(State.CANCELLED, cause="cancelled by fal", reason=Reason.CANCELLED)
        else:
            ended = fail(generation, failure, cause="failed at fal")
        if ended:
            Attempt.objects.filter(pk=attempt.pk).update(result=failure.raw)
            done(generation)


def _give_up(generation: Generation, attempt: Attempt, fal: Fal) -> None:
    try:
        fal.cancel(attempt.cancel_url)
    except Unavailable:
        logger.info("generation=%s event=cancel_unavailable", generation.pk)
    if generation.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE):
        done(generation)


def _look_again(generation: Generation, heard: list[uuid.UUID], position: int | None) -> None:
    pause = backing_off(generation.tries, first=FIRST_LOOK, factor=1.6, cap=5 * MINUTE)
    if generation.cancel_requested_at:
        pause = min(pause, backing_off(generation.tries, first=10, factor=2, cap=2 * MINUTE))
    generation.wait(pause, queue_position=position)
    Delivery.objects.filter(pk__in=heard).update(processed_at=now())
    # What was said or asked for while we were asking fal set a wake that `wait` has just overwritten.
    unsent = Generation.objects.filter(
        pk=generation.pk, cancel_requested_at__isnull=False, cancel_sent_at=None
    )
    pressed = generation.cancel_requested_at is None and unsent.exists()
    if pressed or waiting(generation).exists():
        mine = Generation.objects.filter(pk=generation.pk, state=State.SUBMITTED)
        mine.update(wake_at=now())
        doorbell.poke(generation.pk)
