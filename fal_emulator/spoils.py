"""What each kind of fault makes of an answer: fal's own refusals, a proxy's pages, a broken line, nonsense.

A kind strikes before or after the call has had its effect. The table says which is usual; `_before`
and `_after` at the end of a name choose the other one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from fal_emulator.exchange import Answer, Call, Json, Manner, json_answer, page
from fal_emulator.failures import problem

Phase = Literal["before", "after"]
ELSEWHERE = "https://fal.invalid"  # a host that is nobody's, and not fal's
TRICKLE = 40  # pieces
HUGE = 10 * 1024 * 1024  # bytes
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance to continue."
PAGES = {
    "500": "500 Internal Server Error",
    "502": "502 Bad Gateway",
    "503": "503 Service Temporarily Unavailable",
    "504": "504 Gateway Time-out",
}


@dataclass(frozen=True)
class Pace:
    """Real seconds: how long a stalled call takes, and between two bytes of a dripping answer."""

    stall: float = 60.0
    drip: float = 1.0


@dataclass(frozen=True)
class Scene:
    """What a fault may look at besides the answer it spoils."""

    place: str
    call: Call
    pace: Pace = Pace()


Play = Callable[[Answer, Scene], Answer]


@dataclass(frozen=True)
class Kind:
    usual: Phase
    play: Play


def known(name: str) -> bool:
    return split(name) is not None


def split(name: str) -> tuple[Kind, Phase] | None:
    """The kind of this name and when it strikes; None for a name that is none."""
    if name in KINDS:
        return KINDS[name], KINDS[name].usual
    base, _, phase = name.rpartition("_")
    if base not in KINDS:
        return None
    if phase == "before":
        return KINDS[base], "before"
    return (KINDS[base], "after") if phase == "after" else None


def without_effect(name: str) -> str:
    """The same kind, striking before anything was done."""
    return f"{name.removesuffix('_before').removesuffix('_after')}_before"


def spoiled(name: str, scene: Scene, work: Callable[[], Answer]) -> Answer:
    """The answer to a call that meets this fault; `work` is done first when the fault strikes after it."""
    found = split(name)
    assert found is not None
    kind, phase = found
    return replace(kind.play(work() if phase == "after" else Answer(200), scene), fault=name)


def says(status: int, body: Json, headers: tuple[tuple[str, str], ...] = ()) -> Play:
    return lambda _answer, _scene: json_answer(status, body, headers)


def shows(title: str) -> Play:
    return lambda _answer, _scene: page(int(title[:3]), title)


def travels(manner: Callable[[Pace], Manner]) -> Play:
    return lambda answer, scene: replace(answer, manner=manner(scene.pace))


def holds(body: bytes, kind: str = "application/json") -> Play:
    """A success with this body."""
    return lambda _answer, _scene: Answer(200, body, (("Content-Type", kind),))


def redirect(_answer: Answer, scene: Scene) -> Answer:
    return Answer(302, headers=(("Location", ELSEWHERE + scene.call.path),))


def huge(answer: Answer, scene: Scene) -> Answer:
    """Right, but for ten megabytes that nobody asked for."""
    body = told(answer)
    return rewritten(answer, {**body, "padding": "x" * HUGE} if isinstance(body, dict) else ["x" * HUGE])


def wrong_types(answer: Answer, scene: Scene) -> Answer:
    """Every value of the body is a list of numbers."""
    body = told(answer)
    return rewritten(answer, {name: [7, None] for name in body} if isinstance(body, dict) else [7, None])


def missing(answer: Answer, scene: Scene) -> Answer:
    """Without the one field that matters."""
    body = told(answer)
    needed = {
        "submit": "request_id",
        "result": "video",
        "upload": "file_url",
        "list": "items",
        "keys": "keys",
    }
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != needed.get(scene.place, "status")}
    return rewritten(answer, body)


def foreign(answer: Answer, scene: Scene) -> Answer:
    """Every address of ours is one on a host that is not fal's."""
    body = whole(answer).replace(scene.call.base.encode(), ELSEWHERE.encode())
    return replace(answer, body=body, stream=None, headers=unmeasured(answer))


def short(answer: Answer, scene: Scene) -> Answer:
    """Half of it, with a length that says that this was all."""
    body = whole(answer)
    return replace(answer, body=body[: len(body) // 2], stream=None, headers=unmeasured(answer))


def corrupt(answer: Answer, scene: Scene) -> Answer:
    """As long as it should be, but from the first byte on not what it was."""
    body = bytes(byte ^ 0x5A for byte in whole(answer))
    return replace(answer, body=body, stream=None, headers=unmeasured(answer))


def told(answer: Answer) -> Json:
    try:
        return json.loads(whole(answer))
    except ValueError:
        return {}


def rewritten(answer: Answer, body: Json) -> Answer:
    text = json.dumps(body, separators=(",", ":")).encode()
    return replace(answer, body=text, stream=None, headers=unmeasured(answer))


def whole(answer: Answer) -> bytes:
    return answer.body if answer.stream is None else b"".join(answer.stream)


def unmeasured(answer: Answer) -> tuple[tuple[str, str], ...]:
    """The headers without a length: it is counted when the body is sent."""
    return tuple(header for header in answer.headers if header[0] != "Content-Length")


BLAMED = problem("value_error", ["body", "prompt"], "The prompt was rejected.")
TOO_MANY = {"detail": "Too many requests.", "error_type": "rate_limited"}
INTERNAL = {"detail": "Internal error", "error_type": "internal_error"}
KINDS: dict[str, Kind] = {
    "401": Kind("before", says(401, {"detail": "Invalid API key."})),
    "403": Kind("before", says(403, {"detail": LOCKED})),
    "404": Kind("before", says(404, {"status": "NOT_FOUND", "detail": "Request not found"})),
    "422": Kind("before", says(422, {"detail": [BLAMED]})),
    "429": Kind("before", says(429, TOO_MANY, (("Retry-After", "1"),))),
    "429_bare": Kind("before", says(429, TOO_MANY)),
    "500_typed": Kind("before", says(500, INTERNAL, (("X-Fal-Error-Type", "internal_error"),))),
    **{status: Kind("before", shows(title)) for status, title in PAGES.items()},
    "drop": Kind("after", travels(lambda _: Manner(cut="start"))),
    "rst": Kind("after", travels(lambda _: Manner(cut="start", reset=True))),
    "rst_headers": Kind("after", travels(lambda _: Manner(cut="headers", reset=True))),
    "rst_body": Kind("after", travels(lambda _: Manner(cut="body", reset=True))),
    "truncated": Kind("after", travels(lambda _: Manner(cut="body"))),
    "stall": Kind("after", travels(lambda pace: Manner(pause=pace.stall, cut="start"))),
    "slow": Kind("after", travels(lambda pace: Manner(pause=pace.stall))),
    "drip": Kind("after", travels(lambda pace: Manner(drip=pace.drip))),
    "trickle": Kind("after", travels(lambda pace: Manner(drip=pace.drip, pieces=TRICKLE))),
    "html": Kind("after", lambda _answer, _scene: page(200, "Welcome")),
    "broken": Kind("after", holds(b'{"request_id": "0b5f')),
    "empty": Kind("after", holds(b"")),
    "null": Kind("after", holds(b"null")),
    "nothing": Kind("after", holds(b"{}")),
    "huge": Kind("after", huge),
    "wrong_types": Kind("after", wrong_types),
    "missing": Kind("after", missing),
    "foreign": Kind("after", foreign),
    "redirect": Kind("before", redirect),
    "short": Kind("after", short),
    "corrupt": Kind("after", corrupt),
}
