"""What a suite found, as a table for people: ratios with their floors, and facts that must be exact."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.pairs import Rates, Ratio, ratio

HEAD = ("goal", "what", "compared with", "ratio (low – **median** – high)", "floor", "")
ABSENT = "not measured"


@dataclass(frozen=True)
class Line:
    """One row of the table. Without a floor it is there for orientation."""

    goal: str
    what: str
    peer: str
    ratio: Ratio | None
    floor: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return self.note or ABSENT
        if self.floor is None:
            return self.note
        return "met" if self.ratio.median >= self.floor else "**missed**"

    def cells(self) -> tuple[str, ...]:
        floor = "" if self.floor is None else f"{self.floor:g}"
        return (self.goal, self.what, self.peer, str(self.ratio or "–"), floor, self.verdict)


def against(
    rates: Rates, goal: str, ours: str, theirs: str, *, floor: float | None = None, where: str = ""
) -> Line:
    """The line that compares two contenders; `where` is added to the first one's name."""
    known = ours in rates and theirs in rates
    found = ratio(rates[ours], rates[theirs]) if known else None
    return Line(goal, ours + where, theirs, found, floor)


@dataclass(frozen=True)
class Fact:
    """Something that is a count and no speed: exactly as expected, or wrong."""

    goal: str
    what: str
    found: object
    expected: object

    @property
    def right(self) -> bool:
        return self.found == self.expected

    def cells(self) -> tuple[str, ...]:
        verdict = "exact" if self.right else "**WRONG**"
        return (self.goal, self.what, "", f"**{self.found}**", f"{self.expected}", verdict)


@dataclass(frozen=True)
class Found:
    """All that one suite has to say."""

    suite: str
    lines: Sequence[Line]
    facts: Sequence[Fact] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def exact(self) -> bool:
        return all(fact.right for fact in self.facts)


def table(found: Found) -> str:
    """Markdown."""
    rows = [HEAD, tuple("---" for _ in HEAD), *(each.cells() for each in found.lines)]
    rows += [fact.cells() for fact in found.facts]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    return "\n\n".join([text, *found.notes])


def write(document: Path, found: Found, conditions: str) -> None:
    """Put a suite's table between its marks. ValueError when the document has no place for it."""
    begin, end = (f"<!-- {word} {found.suite} -->" for word in ("figures of", "end of"))
    text = document.read_text(encoding="utf-8")
    block = f"{begin}\n{table(found)}\n\n{conditions}\n{end}"
    fresh, places = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, text, flags=re.DOTALL)
    if places != 1:
        raise ValueError(f"{document} has {places} places for the figures of {found.suite}")
    document.write_text(fresh, encoding="utf-8")
