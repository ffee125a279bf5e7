"""The judge is judged: a clean world passes, and every lie that is planted into it is named."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.chaos.facts import Books, File, Generation, Purse, Submission
from tests.chaos.oracle import Evidence, judge
from tests.chaos.press import Placed
from tests.chaos.schedule import Order

PRICE, GRANTED = 40, 1000
CLIP = hashlib.sha256(b"clip").hexdigest()


@dataclass
class Plot:
    """What a lie may change: fal's journal, the books, the disk, and what people were told."""

    submissions: dict[str, Submission]
    generations: dict[str, Generation]
    purse: Purse
    stored: dict[str, tuple[int, str]]
    placed: list[Placed]
    violations: list[str]
    forgeries: int = 0
    waiting: int = 0

    def findings(self) -> set[str]:
        """The kinds of what the judge finds."""
        books = Books(
            generations=list(self.generations.values()),
            purses=[self.purse],
            files=[File("clips/one.mp4", 4, CLIP)],
            waiting=self.waiting,
        )
        evidence = Evidence(
            submissions=list(self.submissions.values()),
            books=books,
            placed=self.placed,
            stored=self.stored,
            violations=self.violations,
            forgeries_accepted=self.forgeries,
        )
        return {finding.kind for finding in judge(evidence)}


@pytest.fixture
def plot() -> Plot:
    """Four clips: one made and paid, one that fal refused, one cancelled, one given away late."""
    made = Generation("one", "key1", "team", "one", "succeeded", PRICE, charges=(PRICE,))
    made = replace(made, files=("clips/one.mp4", "posters/one.webp"), clip=CLIP)
    rows = {
        "one": made,
        "two": Generation("two", "key2", "team", "two", "failed", PRICE, reason="content_policy"),
        "three": Generation("three", "key3", "team", "three", "cancelled", PRICE),
        "four": Generation("four", "key4", "team", "four", "succeeded", PRICE, gift=True),
    }
    rows = {name: replace(row, tokens=frozenset({digest(name)})) for name, row in rows.items()}
    return Plot(
        submissions={
            "one": Submission("r1", "one", "one", completed=True, good=True, heard=True, clip=CLIP),
            "two": Submission("r2", "two", "two", completed=True, good=False, heard=True),
            "four": Submission("r4", "four", "four", completed=True, good=True, heard=True),
        },
        generations=rows,
        purse=Purse("team", GRANTED, GRANTED - PRICE, 0),
        stored={"clips/one.mp4": (4, CLIP), "posters/one.webp": (1, "")},
        placed=[
            Placed(Order(number, 0, "", name, f"key{number}"), "placed", 1)
            for number, name in enumerate(rows, 1)
        ],
        violations=[],
    )


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def change(name: str, **fields: object) -> Callable[[Plot], None]:
    def lie(plot: Plot) -> None:
        plot.generations[name] = replace(plot.generations[name], **fields)  # type: ignore[arg-type]  # any field

    return lie


def submit_again(plot: Plot) -> None:
    plot.submissions["again"] = replace(plot.submissions["one"], request_id="r9")


def submit_again_with_another_token(plot: Plot) -> None:
    plot.submissions["again"] = replace(plot.submissions["one"], request_id="r9", token="never written down")


def submit_for_nobody(plot: Plot) -> None:
    plot.submissions["?"] = Submission("r9", "nobody's", "nobody's", completed=True, good=True)


def drop_the_row(plot: Plot) -> None:
    del plot.generations["three"]


def two_rows_of_one_form(plot: Plot) -> None:
    plot.generations["five"] = replace(plot.generations["three"], id="five", prompt="five")


def refuse_and_keep(plot: Plot) -> None:
    plot.placed[2].state = "refused"


def answer_nobody(plot: Plot) -> None:
    plot.placed[2].state = ""


def edit_the_balance(plot: Plot) -> None:
    plot.purse = replace(plot.purse, posted=GRANTED)


def keep_a_hold(plot: Plot) -> None:
    plot.purse = replace(plot.purse, held=PRICE)


def leave_a_file(plot: Plot) -> None:
    plot.stored["clips/nobody.mp4"] = (1, "")


def lose_the_file(plot: Plot) -> None:
    del plot.stored["clips/one.mp4"]


def lose_the_poster(plot: Plot) -> None:
    del plot.stored["posters/one.webp"]


def cut_the_file(plot: Plot) -> None:
    plot.stored["clips/one.mp4"] = (3, CLIP)


def store_another_clip(plot: Plot) -> None:
    plot.submissions["one"] = replace(plot.submissions["one"], clip=digest("another"))


def make_what_nobody_heard_of(plot: Plot) -> None:
    """Neither a webhook nor an answer told us: no loss of ours, but too many of them are."""
    plot.submissions["two"] = replace(plot.submissions["two"], good=True, heard=False)


def know_and_not_deliver(plot: Plot) -> None:
    """No webhook, but the answer to the submit was read."""
    make_what_nobody_heard_of(plot)
    plot.generations["two"] = replace(plot.generations["two"], requests=frozenset({"r2"}))


def fail_at_fal(plot: Plot) -> None:
    plot.submissions["one"] = replace(plot.submissions["one"], good=False)


def forge(plot: Plot) -> None:
    plot.forgeries = 1


def leave_a_delivery(plot: Plot) -> None:
    plot.waiting = 1


def break_an_invariant(plot: Plot) -> None:
    plot.violations.append("nothing is overdrawn: 7")


LIES: list[tuple[str, Callable[[Plot], None]]] = [
    ("submitted twice", submit_again),
    ("submitted twice", submit_again_with_another_token),
    ("nobody's submission", submit_for_nobody),
    ("charged wrongly", change("two", charges=(PRICE,))),
    ("charged wrongly", change("three", charges=(PRICE,))),
    ("charged wrongly", change("one", charges=())),
    ("charged wrongly", change("one", charges=(PRICE - 1,))),
    ("charged wrongly", change("four", charges=(PRICE,))),
    ("charged twice", change("one", charges=(PRICE, PRICE))),
    ("credits stuck", change("two", held=PRICE)),
    ("stuck", change("three", state="submitting")),
    ("stuck", leave_a_delivery),
    ("lost", change("one", state="failed", reason="unconfirmed")),
    ("lost", change("one", state="cancelled")),
    ("lost", know_and_not_deliver),
    ("from nowhere", fail_at_fal),
    ("too few delivered", make_what_nobody_heard_of),
    ("ledger", edit_the_balance),
    ("ledger", keep_a_hold),
    ("order lost", drop_the_row),
    ("ordered twice", two_rows_of_one_form),
    ("order kept", refuse_and_keep),
    ("no answer", answer_nobody),
    ("orphan file", leave_a_file),
    ("file missing", lose_the_file),
    ("file missing", lose_the_poster),
    ("file differs", cut_the_file),
    ("file differs", store_another_clip),
    ("invariant", break_an_invariant),
    ("forgery accepted", forge),
]


def test_a_clean_world_has_no_findings(plot: Plot):
    assert plot.findings() == set()


@pytest.mark.parametrize(("kind", "lie"), LIES, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(LIES)])
def test_each_planted_lie_is_named(plot: Plot, kind: str, lie: Callable[[Plot], None]):
    lie(plot)
    assert kind in plot.findings()
