"""Words and pictures for people, used by every template."""

from django import template

from generations.catalogue import CATALOGUE, Mode, resolution_label
from generations.fal.failures import Reason

register = template.Library()


@register.filter("credits")
def as_credits(amount: int) -> str:
    """`1234` as `1 234 cr`."""
    return f"{amount:,}".replace(",", "\u202f") + "\u00a0cr"


@register.filter
def endpoint_title(endpoint_id: str) -> str:
    """The catalogue's name for fal's id."""
    endpoint = CATALOGUE.get(endpoint_id)
    return endpoint.title if endpoint else endpoint_id


register.filter("resolution_label", resolution_label)


@register.filter
def mode_label(mode: str) -> str:
    """The tab's words for a mode."""
    return Mode(mode).label


@register.filter
def get(mapping: dict[str, object], key: str) -> object:
    """A value by a key that is only known at run time."""
    return mapping.get(key)


# What happened, and what to do now. What happened to the credits is said from the hold itself.
REASONS: dict[str, tuple[str, str]] = {
    Reason.CONTENT_POLICY: (
        "The model’s safety filter stopped this shot.",
        "Change the prompt or the pictures and try again.",
    ),
    Reason.BAD_INPUT: ("The model refused one of the inputs.", "Change the marked field and try again."),
    Reason.BUSY: ("The model was too busy.", "Run it again in a while."),
    Reason.TIMEOUT: ("The model took too long.", "Run it again; a shorter or smaller clip is quicker."),
    Reason.PROVIDER_FAULT: ("Something broke at the provider.", "Run it again; it is not your input."),
    Reason.FILE_NOT_FETCHED: (
        "The provider could not read an input file.",
        "Run it again, or choose another file.",
    ),
    Reason.MEDIA_LOST: (
        "The clip was made, but its file could not be fetched whole.",
        "Run it again; an administrator sees the details.",
    ),
    Reason.UNCONFIRMED: (
        "We could not confirm that the provider accepted this.",
        "Should the clip still arrive, it is yours for free. You may run it again now.",
    ),
    Reason.DEADLINE: (
        "It did not finish in time.",
        "Should the clip still arrive, it is yours for free. You may run it again now.",
    ),
    Reason.CANCELLED: ("Cancelled.", "Run it again, or change it first."),
    Reason.DENIED: ("It was over a budget, and the team decided against it.", "Change it, or talk to them."),
    Reason.UNDECIDED: (
        "It was over a budget, and nobody decided about it in time.",
        "Ask the team, then run it again.",
    ),
}


@register.filter
def reason_title(reason: str) -> str:
    """What happened."""
    return REASONS.get(reason, ("It did not work.", ""))[0]


@register.filter
def reason_advice(reason: str) -> str:
    """What to do now."""
    return REASONS.get(reason, ("", "Run it again."))[1]


@register.filter
def field_label(generation: object) -> str:
    """The label of the field a failure is about."""
    endpoint = CATALOGUE.get(getattr(generation, "endpoint", ""))
    described = endpoint.field(getattr(generation, "reason_field", "")) if endpoint else None
    return described.label if described else ""
