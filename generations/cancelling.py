"""Cancelling a clip: free while nothing was sent, and a request to fal afterwards."""

from enum import Enum, auto

from django.db import transaction

from accounts.budgets import wallet_locked
from accounts.models import AuditEvent
from accounts.policy import Actor
from generations import doorbell
from generations.failpoints import failpoint
from generations.fal.failures import Reason
from generations.models import FIRST, Generation, State
from generations.parking import settled
from generations.timing import now

# Once the file is being fetched there is nothing left to stop.
STOPPABLE = (State.QUEUED, State.SUBMITTING, State.AMBIGUOUS, State.SUBMITTED)


class Outcome(Enum):
    """What became of it."""

    CANCELLED = auto()
    ASKED = auto()
    TOO_LATE = auto()


def cancel(generation: Generation, actor: Actor) -> Outcome:
    """Who may was decided before. A clip that is finished first is kept and charged."""
    with transaction.atomic():
        outcome = _cancel(generation)
        if outcome is not Outcome.TOO_LATE:
            AuditEvent.of("generation.cancel", generation, actor=actor.user, acting_as=actor.capacity).save()
    if outcome is Outcome.ASKED:
        assert failpoint("cancel.noted")
        doorbell.poke(generation.pk)
    return outcome


def _cancel(generation: Generation) -> Outcome:
    if State(generation.state) in FIRST and _end(generation):
        return Outcome.CANCELLED
    return Outcome.ASKED if _ask(generation) else Outcome.TOO_LATE


def _end(generation: Generation) -> bool:
    """Before anything was sent. What awaits approval takes its question along."""
    end = {"cause": "cancelled by a member", "reason": Reason.CANCELLED}
    if generation.state != State.AWAITING:
        return generation.finish(State.CANCELLED, **end)
    with wallet_locked(generation.workspace):
        ended = generation.finish(State.CANCELLED, **end)
        if ended:
            settled(generation)
    return ended


def _ask(generation: Generation) -> bool:
    """Leave a request for the motor."""
    moment = now()
    stoppable = Generation.objects.filter(pk=generation.pk, state__in=STOPPABLE)
    return bool(stoppable.update(cancel_requested_at=moment, wake_at=moment, tries=0))
