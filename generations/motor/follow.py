"""From submitted to a result: by webhook if one came, by asking otherwise."""

import logging

from django.utils import timezone

from generations import doorbell
from generations.fal.client import Fal
from generations.fal.failures import Failure, Reason
from generations.fal.replies import (
    Finished,
    NotYet,
    Progress,
    ResultOutcome,
    Unavailable,
    Unknown,
    read_video,
)
from generations.gateway import connect
from generations.models import Attempt, Generation, State
from generations.motor.deliveries import FIRST_LOOK, done, waiting
from generations.motor.submit import fail
from generations.timing import LEASE, MINUTE, STORING_DEADLINE, backing_off, business

logger = logging.getLogger(__name__)

# fal may take a moment to know its own request; after so many looks it has lost it.
UNKNOWN_LOOKS = 3


def follow(generation: Generation) -> None:
    """One look at a submitted generation: cancel if asked, take the result if there is one, else wait."""
    if not generation.lease(seconds=LEASE):
        return
    attempt = generation.attempts.get(state=Attempt.State.ACCEPTED)
    fal = connect()
    try:
        _cancel_if_asked(generation, attempt, fal)
        outcome = _delivered(generation) or _asked(attempt, fal)
    except Unavailable as error:
        logger.info("generation=%s event=fal_unavailable why=%s", generation.pk, error)
        outcome = NotYet()
    _act(generation, attempt, outcome, fal)


def _cancel_if_asked(generation: Generation, attempt: Attempt, fal: Fal) -> None:
    if generation.cancel_requested_at and not generation.cancel_sent_at:
        word = fal.cancel(attempt.cancel_url)
        logger.info("generation=%s event=cancel_sent answer=%s", generation.pk, word)
        Generation.objects.filter(pk=generation.pk).update(cancel_sent_at=timezone.now())


def _delivered(generation: Generation) -> Finished | None:
    """A delivery with a video is used; any other one is a reason to ask fal itself."""
    for delivery in waiting(generation).filter(stale=False, status="OK"):
        video = read_video(delivery.body.get("payload"))
        if isinstance(video, Finished):
            return video
    return None


def _asked(attempt: Attempt, fal: Fal) -> ResultOutcome | Progress:
    progress = fal.status(attempt.status_url)
    if isinstance(progress, Progress) and not progress.completed:
        return progress
    # A status of 404 may only mean that the status is gone: the result decides.
    return fal.result(attempt.response_url)


def _act(generation: Generation, attempt: Attempt, outcome: ResultOutcome | Progress, fal: Fal) -> None:
    if isinstance(outcome, Finished):
        _store(generation, attempt, outcome)
    elif isinstance(outcome, Failure):
        _fail(generation, attempt, outcome)
    elif generation.deadline_at <= timezone.now():
        _give_up(generation, attempt, fal)
    elif isinstance(outcome, (NotYet, Progress)):
        position = outcome.queue_position if isinstance(outcome, Progress) else None
        _look_again(generation, queue_position=position)
    elif generation.tries < UNKNOWN_LOOKS:
        _look_again(generation)
    else:
        lost = isinstance(outcome, Unknown)
        generation.finish(
            State.FAILED,
            cause="lost by fal" if lost else "no video in the result",
            reason=Reason.PROVIDER_FAULT if lost else Reason.MEDIA_LOST,
        )
        done(generation)


def _store(generation: Generation, attempt: Attempt, outcome: Finished) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(result=outcome.raw)
    now = timezone.now()
    if generation.move(
        State.STORING,
        cause="result ready",
        wake_at=now,
        deadline_at=now + business(STORING_DEADLINE),
        queue_position=None,
    ):
        done(generation)
        doorbell.poke(generation.pk, queue=doorbell.MEDIA)


def _fail(generation: Generation, attempt: Attempt, failure: Failure) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(result=failure.raw)
    if failure.reason == Reason.CANCELLED and generation.cancel_requested_at:
        generation.finish(State.CANCELLED, cause="cancelled by fal", reason=Reason.CANCELLED)
    else:
        fail(generation, failure, cause="failed at fal")
    done(generation)


def _give_up(generation: Generation, attempt: Attempt, fal: Fal) -> None:
    try:
        fal.cancel(attempt.cancel_url)
    except Unavailable:
        logger.info("generation=%s event=cancel_unavailable", generation.pk)
    generation.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE)
    done(generation)


def _look_again(generation: Generation, **fields: int | None) -> None:
    heard = list(waiting(generation).values_list("pk", flat=True))
    pause = backing_off(generation.tries, first=FIRST_LOOK, factor=1.6, cap=5 * MINUTE)
    generation.wait(pause, **fields)
    # What was heard led nowhere yet; what comes from now on rings again.
    waiting(generation).filter(pk__in=heard).update(processed_at=timezone.now())
    if waiting(generation).exists():
        doorbell.poke(generation.pk)
