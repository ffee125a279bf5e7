"""A run as a table of figures, and what is wrong with the stories behind it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

from tests.chaos.drill import SHOWN, Outcome
from tests.chaos.facts import Generation
from tests.chaos.oracle import concerned
from tests.chaos.outage import waits_after


def lines(outcome: Outcome) -> Iterator[str]:
    """The table, then the verdict, then what led to it."""
    for name, value in figures(outcome):
        yield f"  {name:<24} {value}"
    yield verdict(outcome)
    for finding in outcome.findings[:SHOWN]:
        yield f"  {finding.kind}: {finding.subject}: {finding.words}"
        row = concerned(finding, outcome.evidence.books)
        for step in row.story if row else ():
            yield f"      {step.at:%H:%M:%S.%f} {step.state}: {step.cause}"
        yield from (f"      {line}" for line in outcome.words.get(row.id, ())) if row else ()
    if len(outcome.findings) > SHOWN:
        yield f"  … and {len(outcome.findings) - SHOWN} more"
    if outcome.findings:
        yield verdict(outcome)  # what was said above has scrolled away by now


def figures(outcome: Outcome) -> Iterator[tuple[str, str]]:
    rows, said = outcome.evidence.books.generations, outcome.evidence.submissions
    ended = Counter(each.state for each in rows)
    reasons = Counter(each.reason or "without a reason" for each in rows if each.state == "failed")
    waits = sorted(each.seconds for each in rows if each.seconds is not None) or [0.0]
    busy = outcome.seconds["safety"] + outcome.seconds["quiet"]
    yield "clips ordered", f"{outcome.wishes.n} by {outcome.wishes.people} people"
    yield "seed, schedule", f"{outcome.wishes.seed}, {outcome.schedule.digest}"
    yield "blows", listed(outcome.stage.blows)
    yield "ended by themselves", listed(outcome.stage.ended)
    yield "faults", "; ".join(f"{place} {sum(kinds.values())}" for place, kinds in outcome.faults.items())
    yield "forged", listed(outcome.forgeries)
    yield "answers", listed(outcome.press.tally.statuses)
    yield "accepted, completed", f"{len(said)}, {sum(each.good for each in said)} of them well"
    yield "succeeded", f"{ended['succeeded']}, {sum(each.gift for each in rows)} of them late and free"
    yield "failed", f"{ended['failed']} ({listed(reasons)})"
    yield "cancelled", str(ended["cancelled"])
    made = [each for each in outcome.evidence.made() if each.state != "succeeded"]
    yield "made, not delivered", listed(Counter(f"{each.state} {each.reason}".strip() for each in made))
    yield "open", str(sum(ended.values()) - ended["succeeded"] - ended["failed"] - ended["cancelled"])
    yield "files left by kills", f"{outcome.tidied}, tidied up"
    yield "seconds", ", ".join(f"{name} {value:.1f}" for name, value in outcome.seconds.items())
    yield "clips a second", f"{len(rows) / busy:.1f}"
    yield "order to end", f"median {waits[len(waits) // 2]:.1f} s, worst {waits[-1]:.1f} s"
    yield from waits_by_state(rows)
    if outcome.dead:
        yield (
            "outage",
            f"{outcome.dead.ended - outcome.dead.began:.0f} s, calls {listed(outcome.dead.tries())}",
        )
        after = waits_after(rows, outcome.dead.ended)
        teams = sorted(median(waits) for waits in after.values()) or [0.0]
        yield "after the outage", f"medians of the teams {teams[0]:.1f} to {teams[-1]:.1f} s"
    used = sorted(outcome.stage.processor.items(), key=lambda each: -each[1])
    yield "processor seconds", ", ".join(f"{name} {value:.1f}" for name, value in used)


def numbers(outcome: Outcome) -> dict[str, Any]:
    """What other programs may want to compare."""
    rows = outcome.evidence.books.generations
    return {
        "seed": outcome.wishes.seed,
        "passed": not outcome.findings,
        "waits": sorted(each.seconds for each in rows if each.state == "succeeded" and each.seconds),
        "table": dict(figures(outcome)),
    }


def waits_by_state(rows: list[Generation]) -> Iterator[tuple[str, str]]:
    """How long clips stood in each state, and why they came into it: what to shorten next."""
    stood: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in rows:
        for step, following in pairwise(row.story):
            stood[step.state].append(((following.at - step.at).total_seconds(), step.cause))
    for state, waits in stood.items():
        waits.sort()
        total, (worst, cause) = sum(wait for wait, _ in waits), waits[-1]
        middle = waits[len(waits) // 2][0]
        words = f"{len(waits)} times, median {middle:.2f} s, worst {worst:.1f} s ({cause}), sum {total:.0f} s"
        yield f"in {state}", words


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def verdict(outcome: Outcome) -> str:
    if not outcome.findings:
        return "PASSED: nothing lost, nothing twice, nothing stuck, every credit accounted for"
    kinds = Counter(finding.kind for finding in outcome.findings)
    return f"FAILED: {listed(kinds)}"
