"""What may differ from an ordinary request: the vocabulary of the table of fates."""

from dataclasses import dataclass, fields
from typing import Any, Literal

# What a call can be about, as far as faults are concerned.
Place = Literal["submit", "status", "result", "cancel", "upload", "download", "list", "keys"]


@dataclass(frozen=True)
class Trouble:
    """The first so many calls of a place (0: all of them) meet this kind of fault."""

    place: Place
    kind: str  # a key of spoils.KINDS, with or without its phase
    times: int = 0


@dataclass(frozen=True)
class Effect:
    """What differs from an ordinary request. The defaults are the ordinary request."""

    troubles: tuple[Trouble, ...] = ()
    failure: str | None = None  # how the run ends, a key of failures.FAILURES
    pace: float = 1.0  # the run takes this many times as long
    endless: bool = False
    cancellable: bool = True
    racing: bool = False  # a cancel makes it complete
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
    unlisted: bool = False  # the request list does not know it
    unkept: bool = False  # the request list does not have its output
    odd: bool = False

    def trouble(self, place: Place, nth: int) -> str | None:
        """The kind of fault that the nth call of this place meets."""
        for each in self.troubles:
            if each.place == place and (not each.times or nth <= each.times):
                return each.kind
        return None


def on(place: Place, kind: str, times: int = 0) -> Effect:
    return Effect(troubles=(Trouble(place, kind, times),))


def asked(*troubles: Trouble, unkept: bool = False) -> Effect:
    """Trouble of a result, which a webhook would hide: whoever has one need not ask."""
    return Effect(webhook=False, unkept=unkept, troubles=troubles)


ORDINARY = Effect()


def departures(effect: Effect) -> dict[str, Any]:
    """The parts of an effect that are not ordinary, but for its troubles: those add up."""
    return {
        part.name: value
        for part in fields(Effect)
        if part.name != "troubles" and (value := getattr(effect, part.name)) != getattr(ORDINARY, part.name)
    }
