"""Fates: words in a prompt that decide how its request goes.

A table of data. Everything else asks for the effect, never for the word, so a new way for
fal to fail is a new row here and the place that plays it. The descriptions are shown to people.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

Refusal = Literal["hang up", "unavailable", "locked", "busy", "invalid"]
Reply = Literal["json", "page", "bad gateway", "nothing"]


@dataclass(frozen=True)
class Effect:
    """What differs from an ordinary request. The defaults are the ordinary request."""

    refusal: Refusal | None = None  # the submit is turned away, nothing is accepted
    reply: Reply = "json"  # how an accepted submit is answered
    failure: str | None = None  # how the run ends, a key of failures.FAILURES
    pace: float = 1.0  # the run takes this many times as long
    endless: bool = False
    cancellable: bool = True
    webhook: bool = True
    copies: int = 1  # webhooks delivered at the same time
    early: bool = False  # completes and delivers before the submit is answered
    webhook_delay: float = 0.0  # emulated seconds
    null_payload: bool = False
    contradicted: bool = False  # an ERROR webhook precedes the real one
    forged: bool = False  # two forged webhooks precede the real one
    soundless: bool = False
    length: float = 1.0  # share of the bought length
    gone: bool = False
    gone_once: bool = False
    cut_once: bool = False
    odd: bool = False


@dataclass(frozen=True)
class Fate:
    word: str
    story: str
    effect: Effect


FATES: tuple[Fate, ...] = (
    Fate(
        "reject",
        "The submit is refused with a 422 field error; nothing is accepted.",
        Effect(refusal="invalid"),
    ),
    Fate(
        "policy",
        "Accepted, then refused by the content filter (422 content_policy_violation).",
        Effect(failure="content_policy_violation"),
    ),
    Fate(
        "no media",
        "Accepted, then the filter leaves nothing to return (422 no_media_generated).",
        Effect(failure="no_media_generated"),
    ),
    Fate(
        "invalid",
        "Accepted, then the model refuses an input field (422 image_too_small).",
        Effect(failure="image_too_small"),
    ),
    Fate(
        "fail",
        "Accepted, then the runner crashes (500 runner_server_error).",
        Effect(failure="runner_server_error"),
    ),
    Fate(
        "timeout",
        "Accepted, then the model takes too long (504 generation_timeout).",
        Effect(failure="generation_timeout"),
    ),
    Fate(
        "busy",
        "The first two submits of this input answer 429 with Retry-After: 1; the third is accepted.",
        Effect(refusal="busy"),
    ),
    Fate(
        "locked",
        "The submit is refused with 403: the account is locked for lack of credit.",
        Effect(refusal="locked"),
    ),
    Fate("slow", "The run takes five times as long.", Effect(pace=5.0)),
    Fate(
        "never",
        "Stays IN_PROGRESS for ever, unless it is cancelled.",
        Effect(endless=True),
    ),
    Fate(
        "drop",
        "Accepted, then the connection closes without any answer; the webhook still comes.",
        Effect(reply="nothing"),
    ),
    Fate(
        "refuse",
        "The connection closes before anything is accepted.",
        Effect(refusal="hang up"),
    ),
    Fate(
        "html",
        "Accepted, but the submit is answered with a 200 HTML page instead of JSON.",
        Effect(reply="page"),
    ),
    Fate(
        "502",
        "Accepted, but the submit is answered with a 502 HTML page.",
        Effect(reply="bad gateway"),
    ),
    Fate(
        "503",
        "Not accepted: every submit is answered with a 503 HTML page.",
        Effect(refusal="unavailable"),
    ),
    Fate("lost webhook", "No webhook ever comes.", Effect(webhook=False)),
    Fate("twice", "Each webhook is delivered twice at the same moment.", Effect(copies=2)),
    Fate(
        "early",
        "Completes at once; the webhook is delivered before the submit is answered.",
        Effect(early=True),
    ),
    Fate(
        "late",
        "The webhook comes 20 seconds after completion.",
        Effect(webhook_delay=20.0),
    ),
    Fate(
        "null",
        "The webhook says OK, with a null payload and a payload_error.",
        Effect(null_payload=True),
    ),
    Fate(
        "contradict",
        "An ERROR webhook is delivered before the OK one.",
        Effect(contradicted=True),
    ),
    Fate(
        "forged",
        "Two forged webhooks come first: one with a bad signature, one of another account.",
        Effect(forged=True),
    ),
    Fate(
        "silent",
        "The clip has no audio track, though audio was bought.",
        Effect(soundless=True),
    ),
    Fate("short", "The clip is half as long as bought.", Effect(length=0.5)),
    Fate("gone", "The address of the clip answers 404.", Effect(gone=True)),
    Fate(
        "gone once",
        "The first address of the clip answers 404; fetching the result again gives a good one.",
        Effect(gone_once=True),
    ),
    Fate(
        "truncated",
        "The first download of the clip breaks off half way; the next one is whole.",
        Effect(cut_once=True),
    ),
    Fate(
        "odd",
        "Status and result carry fields, and the log a level, that nobody documented.",
        Effect(odd=True),
    ),
    Fate(
        "uncancellable",
        "A cancel is acknowledged, but the request runs on and completes.",
        Effect(cancellable=False),
    ),
)

ORDINARY = Effect()


def words_in(prompt: object) -> list[str]:
    """The fate words of a prompt, in table order. Anything but a string has none."""
    text = prompt.casefold() if isinstance(prompt, str) else ""
    return [fate.word for fate in FATES if f"[{fate.word}]" in text]


def effect_of(prompt: object) -> Effect:
    """All fates of the prompt in one effect; where two set the same thing the first row wins."""
    chosen = set(words_in(prompt))
    effect = ORDINARY
    for fate in reversed(FATES):
        if fate.word in chosen:
            effect = replace(effect, **departures(fate.effect))
    return effect


def departures(effect: Effect) -> dict[str, Any]:
    """The parts of an effect that are not ordinary."""
    return {
        part.name: value
        for part in fields(Effect)
        if (value := getattr(effect, part.name)) != getattr(ORDINARY, part.name)
    }
