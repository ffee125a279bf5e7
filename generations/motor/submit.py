"""From queued to fal: at most one paid request, whatever dies or times out in between."""

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from generations import doorbell, line
from generations.catalogue import Kind, find
from generations.failpoints import failpoint
from generations.fal.client import Fal
from generations.fal.failures import Failure, Reason
from generations.fal.replies import Accepted, NotAccepted, Refusal, Unavailable
from generations.gateway import connect
from generations.media.vault import vault
from generations.models import Attempt, Breaker, Generation, State, Upload
from generations.models.attempt import LIVE
from generations.motor import door
from generations.motor.ambiguous import doubt
from generations.motor.deliveries import look_if_asked, taken_on
from generations.timing import LEASE, UPLOAD_LEASE, backing_off, business, now

logger = logging.getLogger(__name__)

# However long fal asks us to wait, and however often it did: the next look is not further away.
LONGEST_PAUSE = 300.0


class LeaseLost(Exception):
    """Somebody else works on it; whatever this worker knows is old."""


def submit(generation: Generation) -> None:
    """Send a queued generation when its turn has come; otherwise see whether anybody's has."""
    if generation.cancel_requested_at:
        generation.finish(State.CANCELLED, cause="cancelled", reason=Reason.CANCELLED)
    elif generation.deadline_at <= now():
        generation.finish(State.FAILED, cause="deadline", reason=Reason.DEADLINE)
    elif _has_its_turn(generation):
        tries = generation.tries
        if generation.claim(State.SUBMITTING, seconds=LEASE, cause="claimed"):
            assert failpoint("submit.claimed")
            if not _send(generation, tries):
                Breaker.not_tried()


def _has_its_turn(generation: Generation) -> bool:
    """Whoever looks lets everybody go whose turn it is; whether this one is among them."""
    if generation.turn_at:
        if not Breaker.current().recalls(generation.turn_at):
            return True
        mine = Generation.objects.filter(pk=generation.pk, state=generation.state, epoch=generation.epoch)
        mine.update(turn_at=None)
    return door.open_to(connect()) and generation.pk in line.move_up(besides=generation.pk)


def _send(generation: Generation, tries: int) -> bool:
    """Write the attempt down, send it, record what came of it; False when it was not sent."""
    fal = connect()
    try:
        arguments = fal_arguments(generation, fal)
    except Unavailable as error:
        door.unavailable(f"upload: {error}")
        _requeue(generation, tries, cause=f"upload failed: {error}")
        return False
    except LeaseLost:
        return False
    if not (prepared := Attempt.prepare(generation, arguments)):
        return False
    attempt, token = prepared
    assert failpoint("submit.prepared")
    if not attempt.begin(generation):
        attempt.reject({"error": "not sent: lease lost or cancelled"}, was=Attempt.State.PREPARED)
        _stop_if_asked(generation)
        return False
    assert failpoint("submit.sending")
    address = settings.PUBLIC_URL + reverse("generations:fal_webhook", args=[token])
    outcome = fal.submit(generation.endpoint, arguments, address)
    assert failpoint("submit.answered")
    if isinstance(outcome, Accepted):
        _accepted(attempt, outcome)
    elif isinstance(outcome, NotAccepted):
        _not_accepted(generation, attempt, outcome, tries)
    else:
        doubt(generation, attempt, {"why": outcome.why, "body": outcome.raw})
    assert failpoint("submit.recorded")
    door.learn_from_submit(outcome)
    return True


def recover(generation: Generation) -> None:
    """Found in submitting: after its lease, the worker that had it is dead. What had it done?

    Every answer is fenced by the epoch, which `Attempt.begin` bumps: if the worker is only slow and begins
    to send after we looked, our move loses; if we move first, it may not send any more.
    """
    if generation.lease_until and generation.lease_until > now():
        return
    live = generation.attempts.filter(state__in=LIVE).last()
    if live and live.state == Attempt.State.ACCEPTED:
        taken_on(live, str(live.request_id), cause="accepted before the worker died")
    elif live and live.state == Attempt.State.SENDING:
        # Bytes may have left. Only evidence decides from here on, never a second POST.
        doubt(generation, live, {"why": "the worker died while sending"})
    else:
        with transaction.atomic():
            if generation.move(State.QUEUED, cause="lease expired before sending", wake_at=now()):
                generation.attempts.filter(state=Attempt.State.PREPARED).update(
                    state=Attempt.State.REJECTED, reply={"error": "nothing was sent"}
                )
    doorbell.poke(generation.pk)


def fal_arguments(generation: Generation, fal: Fal) -> dict[str, Any]:
    """The input with every upload put where fal can fetch it. Raises Unavailable or LeaseLost."""
    arguments = dict(generation.input)
    for described in find(generation.endpoint).media_fields:
        ids = arguments[described.name]
        urls = [_sent(generation, each, fal) for each in (ids if isinstance(ids, list) else [ids])]
        arguments[described.name] = urls if described.kind == Kind.IMAGES else urls[0]
    return arguments


def _sent(generation: Generation, upload_id: str, fal: Fal) -> str:
    if not generation.renew(seconds=UPLOAD_LEASE):
        raise LeaseLost
    upload = Upload.objects.get(pk=upload_id)
    with vault().open(upload.file) as file:
        content = file.read()
    suffix = ".mp4" if upload.kind == Upload.Kind.VIDEO else ".jpg"
    # Not the person's own file name: it may say more than they meant to tell a provider.
    return fal.upload(content, content_type=upload.content_type, name=f"{upload.pk}{suffix}")


def _accepted(attempt: Attempt, outcome: Accepted) -> None:
    urls = {name: getattr(outcome, name) for name in ("status_url", "response_url", "cancel_url")}
    Attempt.objects.filter(pk=attempt.pk).update(reply=outcome.raw)
    taken_on(
        attempt,
        outcome.request_id,
        cause="accepted by fal",
        queue_position=outcome.queue_position,
        **urls,
    )
    look_if_asked(attempt.generation)  # an early webhook or a cancel may be waiting


def _not_accepted(generation: Generation, attempt: Attempt, outcome: NotAccepted, tries: int) -> None:
    """Back to the queue, or the end; unless a webhook has proven meanwhile that fal took it after all."""
    with transaction.atomic():
        if outcome.refusal == Refusal.REFUSED and outcome.failure:
            acted = fail(generation, outcome.failure, cause="refused by fal")
        else:
            cause, patience = f"fal: {outcome.refusal}", min(outcome.retry_after or 0, LONGEST_PAUSE)
            acted = _requeue(generation, tries, cause=cause, at_least=patience)
        if acted and attempt.reject(outcome.raw, was=Attempt.State.SENDING):
            return
        transaction.set_rollback(True)
    doorbell.poke(generation.pk)


def _requeue(generation: Generation, tries: int, *, cause: str, at_least: float = 0) -> bool:
    if _stop_if_asked(generation):
        return True
    wait = max(at_least, backing_off(tries, first=2, factor=2, cap=LONGEST_PAUSE))
    wake_at = min(now() + business(wait), generation.deadline_at)
    return generation.move(State.QUEUED, cause=cause[:60], tries=tries + 1, wake_at=wake_at)


def _stop_if_asked(generation: Generation) -> bool:
    """Nothing is with fal: a cancel that came meanwhile is free."""
    asked = Generation.objects.filter(pk=generation.pk, cancel_requested_at__isnull=False)
    return asked.exists() and generation.finish(State.CANCELLED, cause="cancelled", reason=Reason.CANCELLED)


def fail(generation: Generation, failure: Failure, *, cause: str) -> bool:
    """End with fal's failure; its reason and field are for the person, the raw reply is on the attempt."""
    return generation.finish(
        State.FAILED,
        cause=cause,
        reason=failure.reason,
        reason_field=failure.field[:40],
        reason_detail=failure.message,
    )
