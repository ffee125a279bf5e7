"""A clip's story: in words for people, and step by step for whoever looks into it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from generations.models import Delivery, Generation, State, StateChange

WORDS = {
    State.AWAITING: "Over a budget; waiting for approval",
    State.QUEUED: "Back in line",
    State.SUBMITTING: "Being sent to fal",
    State.AMBIGUOUS: "fal’s answer was lost; finding out whether it took this",
    State.SUBMITTED: "Taken by fal",
    State.STORING: "Made; its file is being fetched",
    State.SUCCEEDED: "In the gallery",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
}
# Where the way there says more than the state does: by how the cause begins.
CAUSES = {
    "created": "Ordered",
    "approved": "Approved; in line",
    "denied": "Not approved",
    "nobody decided": "Nobody decided in time",
    "fal: busy": "fal was too busy to take it; back in line",
    "fal: ": "fal did not take it; back in line",
    "upload failed": "A file could not be handed to fal; back in line",
    "lease expired": "Interrupted before anything was sent; back in line",
    "absent at fal": "fal does not have it; it is sent once more",
    "adopted by webhook": "fal had taken it",
    "found in fal's list": "fal had taken it",
    "accepted before": "fal had taken it",
    "deadline": "Given up at its deadline",
    "unconfirmed": "Given up: nothing shows that fal took it",
    "file lost": "Its file could not be fetched",
    "lost by fal": "fal lost it",
}


@dataclass(frozen=True)
class Event:
    """Something that happened. `kind` is state, attempt, delivery or money."""

    at: datetime
    kind: str
    text: str


def told(generation: Generation) -> list[Event]:
    """What happened to the clip and to its credits, oldest first."""
    hold = generation.hold
    events = [Event(each.at, "state", _words(each)) for each in generation.changes.all()]
    if hold:
        events.append(Event(hold.created_at, "money", f"{hold.amount} credits held"))
    if hold and hold.resolved_at:
        end = "charged" if hold.state == hold.State.CAPTURED else "available again"
        events.append(Event(hold.resolved_at, "money", f"{hold.amount} credits {end}"))
    return _sorted(events)


def technical(generation: Generation) -> list[Event]:
    """The same by the motor's names, with fal's requests and webhooks, oldest first."""
    events = [Event(each.at, "state", f"{each.after}: {each.cause}") for each in generation.changes.all()]
    for attempt in generation.attempts.all():
        request = f", request {attempt.request_id}" if attempt.request_id else ""
        events.append(
            Event(attempt.prepared_at, "attempt", f"attempt {attempt.number} {attempt.state}{request}")
        )
    events += [
        Event(each.received_at, "delivery", f"webhook {each.status}, signature verified")
        for each in Delivery.objects.filter(attempt__generation=generation)
    ]
    return _sorted(events)


def _words(change: StateChange) -> str:
    special = (words for start, words in CAUSES.items() if change.cause.startswith(start))
    return next(special, WORDS[State(change.after)])


def _sorted(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at)
