"""The access matrix: every address × every role × every method is what the table says, and nothing else."""

from typing import Any

import pytest

from tests.separation.asking import METHODS, SAFE, address, ask, outcome
from tests.separation.cast import CALLERS, Cast
from tests.separation.kinds import expected, fitting
from tests.separation.table import BRITTLE, ROWS, Row, row_of
from tests.separation.urlconf import Pattern, patterns

ADDRESSES = patterns()
# What opens nothing may write nothing.
REFUSALS = {"sign-in", "set-up", "confirm", "401", "403", "404", "405", "invalid"}


def test_every_address_has_a_row_and_every_row_an_address(cast: Cast) -> None:
    missing = [each for each in patterns() if row_of(each) is None]
    assert not missing, "\n".join(
        ["Add to tests/separation/table.py:", *(_proposal(cast, each) for each in missing)]
    )
    assert not set(ROWS) - {each.name for each in patterns()}, "rows without an address"


@pytest.mark.redis
@pytest.mark.parametrize("pattern", ADDRESSES, ids=lambda each: each.name)
def test_everybody_gets_what_the_table_says(cast: Cast, pattern: Pattern) -> None:
    row = row_of(pattern)
    wrong = _differences(cast, pattern, row) if row else []
    assert not wrong, "\n".join(wrong)


def _differences(cast: Cast, pattern: Pattern, row: Row) -> list[str]:
    path = address(pattern, _words(cast, row))
    wrong = []
    for method in METHODS:
        for who in CALLERS:
            response, wrote = ask(cast, who, method, path, row.data if method == "POST" else None)
            got, right = outcome(response), expected(row.kinds[method], who)
            if not _fits(pattern, got, right):
                wrong.append(f"{pattern.name}: {method} by {who} is {got}, not {' or '.join(sorted(right))}")
            if wrote and (method in SAFE or got in REFUSALS):
                wrong.append(f"{pattern.name}: {method} by {who} is {got} and writes: {wrote[0][:120]}")
    return wrong


def _fits(pattern: Pattern, got: str, right: set[str]) -> bool:
    return got in right or (pattern.name in BRITTLE and got == "500" and "ok" in right)


def _words(cast: Cast, row: Row) -> dict[str, Any]:
    return cast.northlight.named(row.at)


def _proposal(cast: Cast, pattern: Pattern) -> str:
    """What the address does today, and a row that would say so: to be read, and not only pasted."""
    things = cast.northlight.things
    words = {word: next((each for each in things if each in pattern.name), "clip") for word in pattern.words}
    path = address(pattern, {word: things[thing] for word, thing in words.items()})
    given, told = [], []
    for method in METHODS:
        seen = {who: outcome(ask(cast, who, method, path)[0]) for who in CALLERS}
        kinds = fitting(seen)
        if method != "HEAD" and kinds != [] and kinds[0] != "no such method":
            given.append(f'{method}="{kinds[0]}"')
        elif not kinds:
            told.append(
                f"    # {method} fits no kind: {' '.join(f'{who}={got}' for who, got in seen.items())}"
            )
    given += [f'{word}="{thing}"' for word, thing in words.items()]
    return "\n".join([f'    "{pattern.name}": row({", ".join(given)}),', *told])
