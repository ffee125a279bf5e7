"""Taking turns and comparing: one number alone says more about the machine than about the program.

Contenders run A, B, C, A, B, C, …; the first turn of each is a warm-up and is thrown away. A ratio is
taken within a round, where both sides met the same neighbours, and its median over the rounds counts.
"""

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Contender = Callable[[float], float]  # seconds → operations per second
Rates = dict[str, list[float]]
WARM_UP = 0.5  # seconds


@dataclass(frozen=True)
class Turns:
    """How often and how long each contender runs; and how many generations fly at once in `flight`."""

    seconds: float = 3.0
    pairs: int = 5
    in_flight: int = 10_000
    time_scale: float = 1.0


@dataclass(frozen=True)
class Ratio:
    """One contender's rate over another's: the worst, the middle and the best round."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.low)} – **{_short(self.median)}** – {_short(self.high)}"


def take_turns(suite: str, contenders: Mapping[str, Contender], turns: Turns) -> Rates:
    """Operations per second of each contender in each round; a line of JSON for each on standard output."""
    for run in contenders.values():
        run(min(WARM_UP, turns.seconds))
    rates: Rates = {name: [] for name in contenders}
    for number in range(1, turns.pairs + 1):
        for name, run in contenders.items():
            rate = run(turns.seconds)
            rates[name].append(rate)
            say({"suite": suite, "round": number, "contender": name, "per_second": round(rate, 1)})
    return rates


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Round by round. Infinite where the other side did nothing at all."""
    each = [mine / other if other else float("inf") for mine, other in zip(ours, theirs, strict=True)]
    return Ratio(min(each), statistics.median(each), max(each))


def say(sample: Mapping[str, object]) -> None:
    """One sample, for whoever wants to draw their own conclusions."""
    print(json.dumps(sample), flush=True)
    sys.stdout.flush()


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
