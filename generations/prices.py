"""The price book's arithmetic: seconds, resolution and audio to dollars, dollars to credits.

Prices are tables of `Decimal` dollars, never a discount formula: audio saves 50 %, 33 % or 14 %
depending on family and resolution. Credits are whole; rounding is always up, once per clip.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

# Bumped whenever a figure changes, and stored with every generation.
PRICE_VERSION = "2026-11"


@dataclass(frozen=True)
class Line:
    """One line of a quote. `usd` is fal's price, `credits` ours, not yet rounded: people see credits only."""

    label: str
    seconds: int
    usd: Decimal
    credits: Decimal

    def as_json(self) -> dict[str, str | int]:
        """As stored with a generation and answered by the API."""
        return {"label": self.label, "seconds": self.seconds, "credits": shown(self.credits)}


def shown(amount: Decimal) -> str:
    """`40`, `4.2`: without the zeros that multiplying leaves behind."""
    return f"{amount.normalize():f}"


@dataclass(frozen=True)
class PerSecond:
    """So many dollars per output second, by resolution and audio."""

    rates: Mapping[tuple[str, bool], Decimal]

    def lines(
        self, seconds: int, resolution: str, audio: bool, markup: Decimal = Decimal(1)
    ) -> tuple[Line, ...]:
        """The lines for a clip. KeyError for a combination that is not on sale."""
        rate = self.rates[resolution, audio]
        ours = rate * 100 * markup
        label = f"{seconds} s × {shown(ours)} cr/s · {resolution} {'with audio' if audio else 'silent'}"
        return (Line(label, seconds, rate * seconds, ours * seconds),)


@dataclass(frozen=True)
class BasePlusSeconds:
    """A fixed price for the first seconds and a rate for further ones; no other axis."""

    base_seconds: int
    base_usd: Decimal
    further_usd: Decimal

    def lines(
        self, seconds: int, resolution: str, audio: bool, markup: Decimal = Decimal(1)
    ) -> tuple[Line, ...]:
        """The lines for a clip; resolution and audio do not exist for such an endpoint."""
        base = self.base_usd * 100 * markup
        first = Line(f"First {self.base_seconds} s", self.base_seconds, self.base_usd, base)
        further = seconds - self.base_seconds
        if further <= 0:
            return (first,)
        ours = self.further_usd * 100 * markup
        label = f"{further} further s × {shown(ours)} cr/s"
        return (first, Line(label, further, self.further_usd * further, ours * further))


PriceRule = PerSecond | BasePlusSeconds


@dataclass(frozen=True)
class Quote:
    """What `takes` clips cost. `usd` is fal's price of one; `credits` is ours of one."""

    lines: tuple[Line, ...]
    usd: Decimal
    credits: int
    takes: int

    @property
    def total(self) -> int:
        """Credits to be held for all takes."""
        return self.credits * self.takes


def to_credits(usd: Decimal, markup: Decimal) -> int:
    """Whole credits (US cents of price), rounded up."""
    return int((usd * 100 * markup).to_integral_value(ROUND_CEILING))


def quote(
    rule: PriceRule, *, seconds: int, resolution: str, audio: bool, takes: int, markup: Decimal
) -> Quote:
    """The price of `takes` clips. KeyError for a combination that is not on sale."""
    lines = rule.lines(seconds, resolution, audio, markup)
    usd = sum((line.usd for line in lines), Decimal())
    return Quote(lines, usd, to_credits(usd, markup), takes)
