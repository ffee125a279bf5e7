"""What must be true of an outage of six hours: patience while it lasts, fairness when it is over."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from tests.chaos.dead_fal import DeadFal
from tests.chaos.facts import Books, Generation
from tests.chaos.oracle import Finding

HOURS = 6.0
GAP = 30.0  # business seconds between two tries while the door is shut
# Until so many bad answers have come in, nobody can know; and each of several workers is about to ask.
BEFORE_IT_IS_KNOWN = 12
UNFAIR = 2.0


def real_seconds(time_scale: float) -> float:
    """How long the outage lasts on our clock."""
    return HOURS * 3600 / time_scale


def judged(outage: DeadFal, books: Books, time_scale: float) -> Iterator[Finding]:
    """What went wrong during it and after it."""
    lasted = (outage.ended - outage.began) * time_scale
    allowed = BEFORE_IT_IS_KNOWN + lasted / GAP
    if len(outage.knocks) > allowed:
        words = f"{len(outage.knocks)} calls in {lasted / 3600:.1f} business hours, {allowed:.0f} would do"
        yield Finding("impatient", "fal", words)
    failed = [each for each in books.generations if each.state == "failed"]
    if len(failed) > BEFORE_IT_IS_KNOWN:
        words = f"{len(failed)} failed, where {BEFORE_IT_IS_KNOWN} may be sent before it is known to be away"
        yield Finding("gave up", "clips", words)
    yield from _unfair(books.generations, outage.ended)


def _unfair(rows: list[Generation], ended: float) -> Iterator[Finding]:
    waits = waits_after(rows, ended)
    if not waits:
        return
    overall = median(wait for team in waits.values() for wait in team)
    for team, each in waits.items():
        if median(each) > UNFAIR * overall:
            words = f"waited {median(each):.1f} s after the outage, where half of all waited {overall:.1f} s"
            yield Finding("unfair", team, words)


def waits_after(rows: list[Generation], ended: float) -> dict[str, list[float]]:
    """By workspace: how long after the outage its clips were delivered."""
    waits: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.state == "succeeded" and row.story:
            waits[row.workspace].append(row.story[-1].at.timestamp() - ended)
    return waits
