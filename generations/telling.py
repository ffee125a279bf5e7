"""What other programs are told of a generation, in the transaction of what happened to it.

Nothing of what a member wrote or uploaded is in it, so a private clip is told of as any other: the program
belongs to the workspace, and learns what the workspace pays for.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings

from accounts import webhooks
from generations import doorbell
from generations.models.state import UNPAID, State
from generations.templatetags.studio import reason_advice, reason_title

if TYPE_CHECKING:
    from generations.models import Generation

ROOT = "/api/v1"
TYPES: dict[State, str] = {
    State.AWAITING: "generation.awaiting_approval",
    State.SUCCEEDED: "generation.succeeded",
    State.FAILED: "generation.failed",
    State.CANCELLED: "generation.cancelled",
}


def tell(generation: "Generation") -> None:
    """Say where it is now, to whom it may concern: one query when that is nobody."""
    kind = TYPES[State(generation.state)]
    if webhooks.tell(generation.workspace_id, kind, partial(as_data, generation)):
        doorbell.nudge()


def as_data(generation: "Generation") -> dict[str, Any]:
    """A generation as the API answers it, without its input."""
    ready = generation.state == State.SUCCEEDED
    return {
        "id": str(generation.pk),
        "endpoint": generation.endpoint,
        "state": str(generation.state),
        "cost": generation.cost,
        "held": generation.held,
        "charged": generation.charged,
        "video_url": f"{settings.PUBLIC_URL}{ROOT}/generations/{generation.pk}/video" if ready else None,
        "error": _error(generation),
        "created_at": generation.created_at,
        "finished_at": generation.finished_at,
    }


def _error(generation: "Generation") -> dict[str, str | None] | None:
    """Why there is no clip, as the API says it; without fal's own sentence, which may quote a prompt."""
    if generation.state not in UNPAID:
        return None
    return {
        "reason": str(generation.reason) or "unknown",
        "message": f"{reason_title(generation.reason)} {reason_advice(generation.reason)}".strip(),
        "field": generation.reason_field or None,
        "detail": None,
    }
