"""The fault plan: which calls go wrong, drawn from a seed and not from the order of events.

A plan gives each kind of fault a share of the calls of its place. Whether a call is hit follows from
the seed, the place, what the call is about and its how-manieth it is, so that the same run meets the
same faults however its threads are interleaved.
"""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from fal_emulator.effects import ORDINARY, Effect, Place
from fal_emulator.exchange import Json
from fal_emulator.fates import FATES
from fal_emulator.spoils import KINDS, Pace, known

PLACES: tuple[Place, ...] = get_args(Place)
# What may be asked of webhooks, as words of the table of fates.
WEBHOOKS = {"lost": "lost webhook"} | {
    word: word for word in ("twice", "early", "late", "forged", "null", "contradict")
}
PACES = {"stall_seconds": "stall", "drip_seconds": "drip"}  # real seconds: the network is not emulated
# Words that speak about the submit are no use afterwards; their kinds belong under `submit`.
LATER_WORDS = {
    fate.word for fate in FATES if all(trouble.place != "submit" for trouble in fate.effect.troubles)
}

Shares = Mapping[str, float]


@dataclass(frozen=True)
class Visit:
    """A call as far as faults are concerned: where, about what, and whose fate it shares."""

    place: Place
    subject: str  # the same in every run
    owner: str = ""  # the request, or the input that asks to become one
    effect: Effect = ORDINARY


@dataclass(frozen=True)
class Plan:
    """Shares from 0 to 1: of calls by place and kind, of accepted requests by fate."""

    seed: int = 0
    calls: Mapping[Place, Shares] = field(default_factory=dict)
    fates: Shares = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    source: Json = field(default_factory=dict)  # as it was given


def read_plan(given: Json) -> Plan:
    """A plan from its JSON. Raises ValueError with what is wrong; `{}` switches everything off."""
    if not isinstance(given, dict):
        raise ValueError("a plan is an object")  # noqa: TRY004 - it is the document that is wrong
    rest = dict(given)
    seed = rest.pop("seed", 0)
    if not isinstance(seed, int):
        raise ValueError("seed is a whole number")  # noqa: TRY004 - as above
    pace = Pace(**{PACES[name]: seconds(name, rest.pop(name)) for name in PACES if name in rest})
    fates = shares("fates", rest.pop("fates", {}), LATER_WORDS)
    webhooks = shares("webhook", rest.pop("webhook", {}), WEBHOOKS)
    fates |= {WEBHOOKS[name]: share for name, share in webhooks.items()}
    calls: dict[Place, Shares] = {}
    for place in PLACES:
        calls[place] = shares(place, rest.pop(place, {}))
        if sum(calls[place].values()) > 1:
            raise ValueError(f"{place}: a call meets one fault at most, so its shares add up to 1 at most")
    if rest:
        raise ValueError(f"unknown: {', '.join(sorted(rest))}")
    return Plan(seed, calls, fates, pace, given)


def shares(place: str, given: Json, words: Mapping[str, str] | set[str] | None = None) -> dict[str, float]:
    """The shares of one place, in an order that does not depend on how they were written."""
    if not isinstance(given, dict):
        raise ValueError(f"{place} wants kinds with their shares")  # noqa: TRY004 - it is the document that is wrong
    for name, share in given.items():
        if not (name in words if words is not None else known(name)):
            raise ValueError(f"{place} knows no {name}, but {', '.join(sorted(words or KINDS))}")
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"{place}.{name} is a share from 0 to 1")
    return {name: float(given[name]) for name in sorted(given)}


def seconds(name: str, given: Json) -> float:
    if not isinstance(given, int | float) or given < 0:
        raise ValueError(f"{name} is a number of seconds")
    return float(given)


def chance(*about: object) -> float:
    """A number from 0 to 1 that only depends on what it is about."""
    text = json.dumps([str(part) for part in about])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


class Faults:
    """The plan in force, and what has been played so far. Survives a restart in the data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._visits: Counter[tuple[str, ...]] = Counter()
        self.calls: Counter[str] = Counter()
        self.played: dict[str, Counter[str]] = {place: Counter() for place in (*PLACES, "fates")}
        self.plan = read_plan(json.loads(path.read_text())) if path.exists() else Plan()

    def follow(self, given: Json) -> None:
        """Put another plan in force. Raises ValueError and keeps the old one when it makes no sense."""
        plan = read_plan(given)
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps(given))
        draft.replace(self._path)
        self.plan = plan

    def begin(self, given: Json) -> None:
        """The plan that a start is given: for a fresh folder only, as a later one was put in force since."""
        if not self._path.exists():
            self.follow(given)

    def strike(self, visit: Visit) -> str | None:
        """The kind of fault that this call meets, if any: by fate, or else by the plan."""
        place, subject = visit.place, visit.subject
        fated = None
        if visit.effect.troubles:  # counted for itself: several requests may be about the same
            fated = visit.effect.trouble(place, self._nth("fate", place, visit.owner))
        kind = fated or self._drawn(place, subject, self._nth(place, subject))
        with self._lock:
            self.calls[place] += 1
            if kind:
                self.played[place][kind] += 1
        return kind

    def destiny(self, subject: str) -> list[str]:
        """The fates that the plan gives to a request that is being accepted."""
        plan = self.plan
        words = [word for word, share in plan.fates.items() if chance(plan.seed, word, subject) < share]
        with self._lock:
            self.played["fates"].update(words)
        return words

    def report(self) -> Json:
        """The plan as it was given, calls by place, and faults by place and kind."""
        with self._lock:
            played = {place: dict(kinds) for place, kinds in self.played.items() if kinds}
            return {"plan": self.plan.source, "calls": dict(self.calls), "played": played}

    def _drawn(self, place: Place, subject: str, nth: int) -> str | None:
        plan = self.plan
        kinds = plan.calls.get(place)
        if not kinds:
            return None
        left = chance(plan.seed, place, subject, nth)
        for kind, share in kinds.items():
            left -= share
            if left < 0:
                return kind
        return None

    def _nth(self, *about: str) -> int:
        """The how-manieth time this is asked, from 1."""
        with self._lock:
            self._visits[about] += 1
            return self._visits[about]
