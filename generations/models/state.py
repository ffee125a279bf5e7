"""The states of a generation, and who may see one: the words that rows are written in."""

from django.db import models


class State(models.TextChoices):
    """Where a generation is. fal's queue position and the like are details, not states."""

    AWAITING = "awaiting_approval", "Awaiting approval"
    QUEUED = "queued", "Queued"
    SUBMITTING = "submitting", "Sending"
    AMBIGUOUS = "ambiguous", "Confirming"
    SUBMITTED = "submitted", "Generating"
    STORING = "storing", "Fetching"
    SUCCEEDED = "succeeded", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
OPEN = frozenset(State) - TERMINAL
# How one may have ended for which no credits were ever held: denied, or nobody decided.
UNPAID = frozenset({State.FAILED, State.CANCELLED})
# A generation begins in one of these.
FIRST = frozenset({State.QUEUED, State.AWAITING})
# What fal has, or may have: it takes one of the places that the account gives us.
WITH_FAL = frozenset({State.SUBMITTING, State.AMBIGUOUS, State.SUBMITTED})

MOVES: dict[State, frozenset[State]] = {
    State.AWAITING: frozenset({State.QUEUED, State.CANCELLED, State.FAILED}),
    # queued → submitted: a webhook proves that fal took what we believed refused.
    State.QUEUED: frozenset({State.SUBMITTING, State.SUBMITTED, State.CANCELLED, State.FAILED}),
    State.SUBMITTING: frozenset(
        {State.SUBMITTED, State.QUEUED, State.AMBIGUOUS, State.FAILED, State.CANCELLED}
    ),
    # ambiguous → queued: only on evidence, and only where an operator allowed it.
    State.AMBIGUOUS: frozenset({State.SUBMITTED, State.FAILED, State.QUEUED}),
    State.SUBMITTED: frozenset({State.STORING, State.FAILED, State.CANCELLED}),
    State.STORING: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    # The one way out of an end: a result that arrives after we gave up is given away.
    State.FAILED: frozenset({State.SUCCEEDED}),
    State.CANCELLED: frozenset(),
}


class Visibility(models.TextChoices):
    """Who may see a generation."""

    PRIVATE = "private", "Only me"
    WORKSPACE = "workspace", "The workspace"
    LINK = "link", "Anyone with the link"
