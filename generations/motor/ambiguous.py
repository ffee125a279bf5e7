"""A submit whose answer was lost: fal may have it and may bill it. Only evidence decides, never a second try.

In order: a webhook with the attempt's token (`deliveries.hear`), fal's request list, and after a quarter of
an hour the end, uncharged; a result that comes even later is a gift.
"""

import json
import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from generations import doorbell
from generations.catalogue import find
from generations.fal.failures import Reason
from generations.fal.replies import Listed, Unavailable
from generations.gateway import connect
from generations.models import Attempt, Generation, State
from generations.motor import door
from generations.motor.deliveries import look_if_asked, taken_on
from generations.timing import (
    AMBIGUOUS_LOOKS,
    FOLLOW_LEASE,
    LEASE,
    MINUTE,
    QUEUE_DEADLINE,
    START_DEADLINE,
    business,
    now,
)

logger = logging.getLogger(__name__)

# fal's clock and ours may differ by as much as a webhook may be old: so far around the sending is looked.
CLOCKS = 5 * MINUTE
# The list is long and dear; when it could not be read in time, it is tried so much later.
UNREADABLE = 5 * MINUTE
# A list that lacked it so often, over so long, was not just behind.
LACKED_LOOKS, LACKED_FOR = 2, 10 * MINUTE


def doubt(generation: Generation, attempt: Attempt, reply: dict[str, Any]) -> None:
    """No answer that proves anything: never followed by another attempt without evidence."""
    moment = now()
    patience = START_DEADLINE if may_go_again(generation) else 0
    with transaction.atomic():
        moved = generation.move(
            State.AMBIGUOUS,
            cause=str(reply.get("why", ""))[:60],
            wake_at=moment + business(AMBIGUOUS_LOOKS[0]),
            deadline_at=moment + business(patience + AMBIGUOUS_LOOKS[-1]),
        )
        if not (moved and attempt.doubt(reply)):
            transaction.set_rollback(True)
    look_if_asked(generation)  # its webhook may have come first


def may_go_again(generation: Generation) -> bool:
    """Whether an operator allowed to send it once more; it was not sent again before."""
    again = generation.attempts.filter(state=Attempt.State.REJECTED, lost_looks__gt=0).exists()
    return generation.cost <= settings.RESUBMIT_AMBIGUOUS and not again


def resolve(generation: Generation) -> None:
    """Look for evidence; without any, look again later, and give up in time."""
    if not generation.lease(seconds=FOLLOW_LEASE):
        return
    attempt = generation.attempts.get(state=Attempt.State.AMBIGUOUS)
    # An outage is no evidence: a day while nobody may ask, an hour while nobody can read the list.
    patience = QUEUE_DEADLINE
    asked = opened = door.open_to(connect())
    if opened:
        patience = START_DEADLINE
        try:
            request_id = _found(generation, attempt)
        except Unavailable as error:
            logger.info("generation=%s event=list_unavailable why=%s", generation.pk, error)
            request_id, asked = None, False
        if request_id and taken_on(attempt, request_id, cause="found in fal's list"):
            doorbell.poke(generation.pk)
            return
    if generation.deadline_at > now():
        look = min(generation.tries + 1, len(AMBIGUOUS_LOOKS) - 1)
        generation.wait(AMBIGUOUS_LOOKS[look] - AMBIGUOUS_LOOKS[look - 1])
    elif asked or now() >= attempt.prepared_at + business(patience):
        _give_up(generation, attempt)
    else:
        generation.put_off(UNREADABLE if opened else MINUTE)


def _found(generation: Generation, attempt: Attempt) -> str | None:
    """The one request that fal has with exactly this input; None when there is none, or not just one.

    Raises Unavailable.
    """
    sent = attempt.sent_at or attempt.prepared_at
    until = sent + timedelta(seconds=LEASE) + business(CLOCKS)
    listed = connect().listed(generation.endpoint, sent - business(CLOCKS), until)
    wanted = _canonical(attempt.arguments)
    same = {each.request_id for each in listed if _canonical(each.input) == wanted}
    same -= set(Attempt.objects.filter(request_id__in=same).values_list("request_id", flat=True))
    if not same:
        if not _strangers(listed):
            attempt.looked_in_vain()
        return None
    if len(same) > 1:
        logger.error("generation=%s event=duplicate_submission fal_requests=%s", generation.pk, sorted(same))
        return None
    return same.pop() if _unmistakable(generation, attempt) else None


def _strangers(listed: Collection[Listed]) -> set[str]:
    """What fal has and no attempt knows: with its input hidden or rewritten, it may be the one."""
    ids = {each.request_id for each in listed}
    return ids - set(Attempt.objects.filter(request_id__in=ids).values_list("request_id", flat=True))


def _unmistakable(generation: Generation, attempt: Attempt) -> bool:
    """A seed or files of its own make an input unique; without either there must be no twin."""
    described = find(generation.endpoint)
    if described.field("seed") or described.media_fields:
        return True
    twins = Attempt.objects.filter(
        generation__endpoint=generation.endpoint,
        state__in=[Attempt.State.SENDING, Attempt.State.AMBIGUOUS],
        arguments=attempt.arguments,
    )
    return not twins.exclude(pk=attempt.pk).exists()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _give_up(generation: Generation, attempt: Attempt) -> None:
    if may_go_again(generation) and _proven_absent(attempt):
        _send_again(generation, attempt)
    else:
        generation.finish(State.FAILED, cause="unconfirmed", reason=Reason.UNCONFIRMED)


def _proven_absent(attempt: Attempt) -> bool:
    """fal's list was well and lacked it, twice and over time; what has not begun by now never will."""
    begun = attempt.sent_at or attempt.prepared_at
    lacked = attempt.lost_since and now() - attempt.lost_since >= business(LACKED_FOR)
    return bool(lacked and attempt.lost_looks >= LACKED_LOOKS and now() - begun >= business(START_DEADLINE))


def _send_again(generation: Generation, attempt: Attempt) -> None:
    logger.warning("generation=%s event=sent_again", generation.pk)
    with transaction.atomic():
        moment = now()
        moved = generation.move(
            State.QUEUED,
            cause="absent at fal: once more",
            wake_at=moment,
            deadline_at=moment + business(QUEUE_DEADLINE),
        )
        if not (moved and attempt.reject({"error": "absent at fal"}, was=Attempt.State.AMBIGUOUS)):
            transaction.set_rollback(True)
    doorbell.poke(generation.pk)
