"""fal's answers as values. Unknown fields are kept in `raw`, unknown words never crash a worker."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Any

from generations.fal.failures import Failure


@dataclass(frozen=True)
class Accepted:
    """fal has the request: a 2xx with a request id and addresses on known hosts."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str
    queue_position: int | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


class Refusal(StrEnum):
    """Why fal certainly does not have the request, as far as our reaction differs."""

    REFUSED = "refused"  # it never will: the input is wrong
    BUSY = "busy"  # try again later
    LOCKED = "locked"  # our key or balance: the operator's fault, never the user's
    UNREACHABLE = "unreachable"  # no connection was made


@dataclass(frozen=True)
class NotAccepted:
    """Provably not accepted, so another attempt is safe."""

    refusal: Refusal
    failure: Failure | None = None
    retry_after: float | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Ambiguous:
    """No answer, or none that proves anything: fal may have the request and may bill it."""

    why: str
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


SubmitOutcome = Accepted | NotAccepted | Ambiguous


@dataclass(frozen=True)
class Progress:
    """A status. `completed` only means that the result may be asked for: failed jobs complete, too."""

    completed: bool
    running: bool
    queue_position: int | None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Finished:
    """A result with a video."""

    video_url: str
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Unusable:
    """A success without a video in it, which fal should never send."""

    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class NotYet:
    """Still in progress."""


@dataclass(frozen=True)
class Unknown:
    """fal does not know the request, or no longer keeps its result."""


@dataclass(frozen=True)
class Listed:
    """An entry of fal's request list. Payloads are None when fal did not keep or show them."""

    request_id: str
    ended: bool
    input: Any = field(repr=False)
    output: Any = field(default=None, repr=False)


ResultOutcome = Finished | Failure | Unusable | NotYet | Unknown


class Unavailable(Exception):
    """fal could not be asked this time (network, 5xx, 429, our key). Ask again later."""


def _number(text: str) -> float | str:
    """Infinite and undefined numbers become words."""
    number = float(text)
    return number if isfinite(number) else str(number)


# Deeper than anything fal sends, and well within what databases and Python take.
DEEPEST = 100
DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_number)

# The shape of fal's ids; ours go into addresses and columns.
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def loads(content: bytes) -> Any:
    """JSON from outside, storable. ValueError for what is none, or nested too deeply to be honest."""
    text = content.decode("utf-8-sig", "surrogatepass")
    try:
        value = DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # Plain text with few brackets can hold nothing that no database keeps.
    plain = text.isascii() and "\\u" not in text and text.count("[") + text.count("{") <= DEEPEST
    return value if plain else storable(value)


def read_position(value: Any) -> int | None:
    """A place in fal's queue, if it is one."""
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def storable(value: Any, deep: int = 0) -> Any:
    """JSON that any database keeps: without NUL and lone surrogates in text, without infinite numbers.

    ValueError for what is nested too deeply to be honest.
    """
    if deep > DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [storable(each, deep + 1) for each in value]
    if isinstance(value, dict):
        return {storable(name): storable(each, deep + 1) for name, each in value.items()}
    return value


def read_progress(body: dict[str, Any]) -> Progress:
    """A status body; a word we do not know counts as still running."""
    word = body.get("status")
    return Progress(
        completed=word == "COMPLETED",
        running=word == "IN_PROGRESS",
        queue_position=read_position(body.get("queue_position")) if word == "IN_QUEUE" else None,
        raw=body,
    )


def read_video(body: Any) -> Finished | Unusable:
    """A model output; also the `payload` of a webhook."""
    raw = body if isinstance(body, dict) else {"body": body}
    video = raw.get("video")
    url = video.get("url") if isinstance(video, dict) else None
    return Finished(url, raw) if isinstance(url, str) and url else Unusable(raw)


def read_listed(item: Any) -> Listed | None:
    """An entry of the request list. The names of the payloads are as observed, not documented."""
    key = item.get("request_id") if isinstance(item, dict) else None
    if not isinstance(key, str) or not REQUEST_ID.fullmatch(key):
        return None
    ended = item.get("ended_at") is not None or item.get("status_code") is not None
    return Listed(key, ended, item.get("json_input"), item.get("json_output"))
