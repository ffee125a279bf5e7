"""From a seed to everything that will be done to the product: orders, blows and fal's faults.

Nothing here looks at a clock. Blows are tied to progress, the share of orders answered so far, so that a
slow machine and a fast one live through the same story; after the last answer progress goes on with time.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.faults import plan_of
from tests.chaos.wishes import Wishes

TEXT, IMAGE = "fal-ai/veo3.1/lite", "fal-ai/veo3.1/lite/image-to-video"
AFTERMATH = 0.25  # how much longer than the posting itself the blows go on
VICTIMS = {"worker-1": 5, "worker-2": 5, "media": 4, "web": 3, "reconciler": 2, "emulator": 1}
# Of 10,000 clips; smaller runs get their share, and at least one of each that is not a kill.
BLOWS = {"kill": 400, "flush": 12, "redis": 8, "postgres immediate": 8, "postgres fast": 3}
LEAST = {"kill": 6, "flush": 1, "redis": 1, "postgres immediate": 1, "postgres fast": 0}
PICTURES, CANCELLED, PRESSED_TWICE = 0.1, 0.05, 0.03


@dataclass(frozen=True)
class Order:
    """One press of the button: who, what, how often at the same time, and whether they think better of it."""

    number: int
    person: int
    endpoint: str
    prompt: str
    form_key: str
    presses: int = 1
    cancel_after: float | None = None  # seconds after it was placed


@dataclass(frozen=True)
class Blow:
    """Something that happens to a process once so much has been posted."""

    at: float
    kind: str
    victim: str = ""


@dataclass(frozen=True)
class Schedule:
    """All that a seed decides."""

    orders: tuple[Order, ...]
    blows: tuple[Blow, ...]
    faults: dict[str, Any]

    @property
    def digest(self) -> str:
        """The same for the same story."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def schedule(wishes: Wishes) -> Schedule:
    """The whole story of a run. Separate draws: one part switched off leaves the others as they are."""
    return Schedule(
        tuple(_orders(wishes)),
        tuple(sorted(_blows(wishes), key=lambda blow: blow.at)),
        plan_of(wishes),
    )


def _orders(wishes: Wishes) -> Iterator[Order]:
    draw = random.Random(f"orders {wishes.seed}")
    for number in range(wishes.n):
        # A small run has one of each as well.
        cancelled = draw.random() < CANCELLED or number == wishes.n // 2
        twice = draw.random() < PRESSED_TWICE or number == wishes.n // 3
        yield Order(
            number=number,
            person=draw.randrange(wishes.people),
            endpoint=IMAGE if draw.random() < PICTURES else TEXT,
            prompt=f"Take {number} of run {wishes.seed}: a lighthouse at dusk, slow push in",
            form_key=f"{draw.getrandbits(128):032x}",
            presses=draw.choice((2, 2, 3)) if twice else 1,
            cancel_after=round(draw.uniform(0, 1.5), 3) if cancelled else None,
        )


def _blows(wishes: Wishes) -> Iterator[Blow]:
    if not wishes.kills:
        return
    draw = random.Random(f"blows {wishes.seed}")
    names, weights = list(VICTIMS), list(VICTIMS.values())
    for kind, share in BLOWS.items():
        for _ in range(max(LEAST[kind], round(share * wishes.n / 10_000))):
            at = round(draw.uniform(0.03, 1 + AFTERMATH), 4)
            victim = draw.choices(names, weights)[0] if kind == "kill" else ""
            if kind.startswith("postgres") and wishes.database != "postgres":
                continue
            yield Blow(at, kind, victim)
