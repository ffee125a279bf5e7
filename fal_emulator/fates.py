"""Fates: words in a prompt that decide how its request goes.

A table of data. Everything else asks for the effect, never for the word, so a new way for
fal to fail is a new row here and the place that plays it. The descriptions are shown to people.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fal_emulator.effects import ORDINARY, Effect, Trouble, asked, departures, on


@dataclass(frozen=True)
class Fate:
    word: str
    story: str
    effect: Effect


FORGOTTEN = (Trouble("status", "404"), Trouble("result", "404"), Trouble("cancel", "404"))
FATES: tuple[Fate, ...] = (
    Fate(
        "reject",
        "The submit is refused with a 422 field error; nothing is accepted.",
        on("submit", "422"),
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
        on("submit", "429", 2),
    ),
    Fate(
        "429",
        "The first two submits of this input answer 429 without Retry-After; the third is accepted.",
        on("submit", "429_bare", 2),
    ),
    Fate(
        "locked",
        "The submit is refused with 403: the account is locked for lack of credit. "
        "Cancel it, or it stops all sending now and then.",
        on("submit", "403"),
    ),
    Fate(
        "denied once",
        "The first submit of this input answers 401, as a revoked key; the next one is accepted.",
        on("submit", "401", 1),
    ),
    Fate(
        "slow",
        "The run takes five times as long.",
        Effect(pace=5.0),
    ),
    Fate(
        "never",
        "Stays IN_PROGRESS for ever, unless it is cancelled.",
        Effect(endless=True),
    ),
    Fate(
        "drop",
        "Accepted, then the connection closes without any answer; the webhook still comes.",
        on("submit", "drop"),
    ),
    Fate(
        "refuse",
        "The connection closes before anything is accepted.",
        on("submit", "drop_before"),
    ),
    Fate(
        "rst",
        "Accepted, then the connection is reset without any answer; the webhook still comes.",
        on("submit", "rst"),
    ),
    Fate(
        "rst body",
        "Accepted, then the connection is reset in the middle of the answer.",
        on("submit", "rst_body"),
    ),
    Fate(
        "rst before",
        "The connection is reset before anything is accepted.",
        on("submit", "rst_before"),
    ),
    Fate(
        "stall",
        "Accepted, but the answer does not come for a minute, and then not at all.",
        on("submit", "stall"),
    ),
    Fate(
        "stall before",
        "Not accepted: no answer comes for a minute, and then none at all.",
        on("submit", "stall_before"),
    ),
    Fate(
        "drip",
        "Accepted, but the answer comes at one byte a second.",
        on("submit", "drip"),
    ),
    Fate(
        "html",
        "Accepted, but the submit is answered with a 200 HTML page instead of JSON.",
        on("submit", "html"),
    ),
    Fate(
        "broken",
        "Accepted, but the submit is answered with JSON that breaks off.",
        on("submit", "broken"),
    ),
    Fate(
        "empty",
        "Accepted, but the submit is answered with a 200 without a body.",
        on("submit", "empty"),
    ),
    Fate(
        "huge",
        "Accepted, but the submit is answered with ten megabytes of JSON.",
        on("submit", "huge"),
    ),
    Fate(
        "wrong types",
        "Accepted, but every value of the answer to the submit is a list.",
        on("submit", "wrong_types"),
    ),
    Fate(
        "no id",
        "Accepted, but the answer to the submit has no request_id.",
        on("submit", "missing"),
    ),
    Fate(
        "foreign",
        "Accepted, but the addresses in the answer are on a host that is not fal's.",
        on("submit", "foreign"),
    ),
    Fate(
        "500",
        "Not accepted: every submit is answered with a 500 HTML page.",
        on("submit", "500"),
    ),
    Fate(
        "502",
        "Accepted, but the submit is answered with a 502 HTML page.",
        on("submit", "502_after"),
    ),
    Fate(
        "503",
        "Not accepted: every submit is answered with a 503 HTML page.",
        on("submit", "503"),
    ),
    Fate(
        "504",
        "Accepted, but the submit is answered with a 504 HTML page.",
        on("submit", "504_after"),
    ),
    Fate(
        "lost webhook",
        "No webhook ever comes.",
        Effect(webhook=False),
    ),
    Fate(
        "twice",
        "Each webhook is delivered twice at the same moment.",
        Effect(copies=2),
    ),
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
        "forgotten",
        "Accepted and then forgotten: status, result and cancel answer 404, no webhook comes.",
        Effect(webhook=False, unlisted=True, troubles=FORGOTTEN),
    ),
    Fate(
        "lost result",
        "COMPLETED, but the result answers 404 and is kept nowhere; no webhook comes.",
        asked(Trouble("result", "404"), unkept=True),
    ),
    Fate(
        "expired result",
        "COMPLETED, but the result answers 404; only the request list still has it. No webhook comes.",
        asked(Trouble("result", "404")),
    ),
    Fate(
        "null result",
        "COMPLETED, but the result is null; no webhook comes.",
        asked(Trouble("result", "null"), unkept=True),
    ),
    Fate(
        "no video",
        "COMPLETED, but the result is an object without a video; no webhook comes.",
        asked(Trouble("result", "nothing"), unkept=True),
    ),
    Fate(
        "foreign video",
        "COMPLETED, but the video is said to be on a host that is not fal's; no webhook comes.",
        asked(Trouble("result", "foreign"), unkept=True),
    ),
    Fate(
        "result 500",
        "The first fetch of the result answers a 500 internal_error; the next one is good. No webhook comes.",
        asked(Trouble("result", "500_typed", 1)),
    ),
    Fate(
        "result 503",
        "The first fetch of the result answers a 503 HTML page; the next one is good. No webhook comes.",
        asked(Trouble("result", "503", 1)),
    ),
    Fate(
        "silent",
        "The clip has no audio track, though audio was bought.",
        Effect(soundless=True),
    ),
    Fate(
        "short",
        "The clip is half as long as bought.",
        Effect(length=0.5),
    ),
    Fate(
        "gone",
        "The address of the clip answers 404.",
        Effect(gone=True),
    ),
    Fate(
        "gone once",
        "The first address of the clip answers 404; fetching the result again gives a good one.",
        Effect(gone_once=True),
    ),
    Fate(
        "forbidden once",
        "The first download of the clip answers 403; the next one is whole.",
        on("download", "403", 1),
    ),
    Fate(
        "truncated",
        "The first download of the clip breaks off half way; the next one is whole.",
        on("download", "truncated", 1),
    ),
    Fate(
        "wrong length",
        "The first download of the clip ends half way and says that this was all; the next one is whole.",
        on("download", "short", 1),
    ),
    Fate(
        "corrupt",
        "The clip is as long as it should be, but not a video.",
        on("download", "corrupt"),
    ),
    Fate(
        "corrupt once",
        "The first download of the clip is not a video; the next one is.",
        on("download", "corrupt", 1),
    ),
    Fate(
        "redirected",
        "The address of the clip redirects to a host that is not fal's.",
        on("download", "redirect"),
    ),
    Fate(
        "wrong type",
        "The address of the clip answers with a 200 HTML page.",
        on("download", "html"),
    ),
    Fate(
        "slow clip",
        "The clip comes in forty pieces, one a second.",
        on("download", "trickle"),
    ),
    Fate(
        "clip 503",
        "The first download of the clip answers a 503 HTML page; the next one is whole.",
        on("download", "503", 1),
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
    Fate(
        "cancel race",
        "A cancel is acknowledged, but the request completes well that moment; its webhook comes first.",
        Effect(cancellable=False, racing=True),
    ),
)


def words_in(prompt: object) -> list[str]:
    """The fate words of a prompt, in table order. Anything but a string has none."""
    text = prompt.casefold() if isinstance(prompt, str) else ""
    if "[" not in text:
        return []
    return [fate.word for fate in FATES if f"[{fate.word}]" in text]


def effect_of(words: Iterable[str]) -> Effect:
    """All these fates in one effect; where two set the same thing the first row wins."""
    chosen = set(words)
    if not chosen:
        return ORDINARY
    effect = ORDINARY
    for fate in reversed(FATES):
        if fate.word in chosen:
            troubles = fate.effect.troubles + effect.troubles
            effect = replace(effect, **departures(fate.effect), troubles=troubles)
    return effect
