"""A run as a table of figures, and what is wrong with the stories behind it."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.drill import Outcome
from tests.chaos.oracle import concerned

SHOWN = 20


def lines(outcome: Outcome) -> Iterator[str]:
    """The table, then the verdict, then what led to it."""
    for name, value in figures(outcome):
        yield f"  {name:<24} {value}"
    yield verdict(outcome)
    for finding in outcome.findings[:SHOWN]:
        yield f"  {finding.kind}: {finding.subject}: {finding.words}"
        row = concerned(finding, outcome.evidence.books)
        yield from (f"      {line}" for line in row.story) if row else ()
    if len(outcome.findings) > SHOWN:
        yield f"  … and {len(outcome.findings) - SHOWN} more"


def figures(outcome: Outcome) -> Iterator[tuple[str, str]]:
    rows, said = outcome.evidence.books.generations, outcome.evidence.submissions
    ended = Counter(each.state for each in rows)
    reasons = Counter(each.reason for each in rows if each.state == "failed")
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
    yield "open", str(sum(ended.values()) - ended["succeeded"] - ended["failed"] - ended["cancelled"])
    yield "seconds", ", ".join(f"{name} {value:.1f}" for name, value in outcome.seconds.items())
    yield "clips a second", f"{len(rows) / busy:.1f}"
    yield "order to end", f"median {waits[len(waits) // 2]:.1f} s, worst {waits[-1]:.1f} s"
    used = sorted(outcome.stage.processor.items(), key=lambda each: -each[1])
    yield "processor seconds", ", ".join(f"{name} {value:.1f}" for name, value in used)


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def verdict(outcome: Outcome) -> str:
    if not outcome.findings:
        return "PASSED: nothing lost, nothing twice, nothing stuck, every credit accounted for"
    kinds = Counter(finding.kind for finding in outcome.findings)
    return f"FAILED: {listed(kinds)}"
