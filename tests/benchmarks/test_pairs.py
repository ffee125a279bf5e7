"""Taking turns, ratios and the table that comes of them."""

from pathlib import Path

import pytest

from benchmarks.pairs import Ratio, Turns, ratio, take_turns
from benchmarks.pgbench import rate_after_warm_up
from benchmarks.report import Fact, Found, Line, against, table, write

ROOT = Path(__file__).resolve().parents[2]


def test_contenders_take_turns_and_the_first_turn_does_not_count():
    turns: list[tuple[str, float]] = []

    def contender(name: str, rates: list[float]):
        def run(seconds: float) -> float:
            turns.append((name, seconds))
            return rates.pop(0)

        return run

    rates = take_turns(
        "a", {"A": contender("A", [9, 1, 2]), "B": contender("B", [9, 3, 4])}, Turns(seconds=3, pairs=2)
    )
    assert "".join(name for name, _ in turns) == "ABABAB"
    assert [seconds for _, seconds in turns] == [0.5, 0.5, 3, 3, 3, 3]
    assert rates == {"A": [1, 2], "B": [3, 4]}


def test_a_ratio_is_taken_within_each_round():
    # By medians of the sides it would be 20/20: the machine was ten times slower in the last round.
    assert ratio([10, 20, 2], [20, 40, 1]) == Ratio(0.5, 0.5, 2.0)


def test_a_side_that_did_nothing_is_infinitely_slower():
    assert ratio([1.0], [0.0]).median == float("inf")


def test_a_goal_is_met_by_its_median_and_a_peer_that_is_not_there_has_no_ratio():
    rates = {"ours": [5.0, 6.0, 7.0], "best": [10.0, 10.0, 10.0]}
    text = table(
        Found(
            "suite",
            [
                against(rates, "G1", "ours", "best", floor=0.6),
                against(rates, "G2", "ours", "best", floor=0.61),
                against(rates, "", "ours", "absent"),
            ],
        )
    )
    met, missed, absent = text.splitlines()[2:]
    assert met == "| G1 | ours | best | 0.50 – **0.60** – 0.70 | 0.6 | met |"
    assert missed.endswith("| 0.61 | **missed** |")
    assert absent == "|  | ours | absent | – |  | not measured |"


@pytest.mark.parametrize(("found", "exact"), [(0, True), (1, False)])
def test_a_count_that_is_off_makes_the_suite_inexact_and_says_so(found: int, exact: bool):
    suite = Found("suite", [], [Fact("W3", "rows added", found, 0)])
    assert suite.exact is exact
    assert ("WRONG" in table(suite)) is not exact


def test_figures_are_written_between_their_marks_and_nothing_else_changes(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text(
        "before\n<!-- figures of a -->\nold\n<!-- end of a -->\nbetween\n"
        "<!-- figures of b -->\nb's\n<!-- end of b -->\nafter\n"
    )
    write(document, Found("a", [Line("G", "x", "y", Ratio(1, 2, 3))]), "on a machine \\1")
    text = document.read_text()
    assert text.startswith("before\n<!-- figures of a -->\n| goal |")
    assert "old" not in text
    assert "on a machine \\1\n<!-- end of a -->\nbetween\n<!-- figures of b -->\nb's\n" in text
    assert text.endswith("<!-- end of b -->\nafter\n")


def test_a_document_without_a_place_is_refused(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text("nothing here")
    with pytest.raises(ValueError, match="0 places"):
        write(document, Found("a", []), "")


def test_the_page_has_a_place_for_every_suite():
    page = (ROOT / "docs" / "performance.md").read_text()
    suites = {file.stem for file in (ROOT / "benchmarks" / "suites").glob("*.py")} - {"__init__"}
    assert suites
    assert all(page.count(f"<!-- figures of {name} -->") == 1 for name in suites)


def test_what_pgbench_did_in_its_first_second_does_not_count():
    said = """progress: 1.0 s, 100.0 tps, lat 9 ms stddev 1, 0 failed
progress: 2.0 s, 400.0 tps, lat 2 ms stddev 1, 0 failed
number of transactions actually processed: 900
tps = 300.000000 (without initial connection time)
"""
    # 900 in three seconds, 100 of them in the first.
    assert rate_after_warm_up(said) == pytest.approx(400)
