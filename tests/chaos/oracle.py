"""The judge: fal's journal on one side, the books on the other. It never asks the product what it thinks."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.facts import Books, Generation, Submission
from tests.chaos.press import Placed

ENDS = ("succeeded", "failed", "cancelled")
LEAST_DELIVERED = 0.99


@dataclass(frozen=True)
class Finding:
    """Something that must never be, and whom it happened to."""

    kind: str
    subject: str
    words: str


@dataclass
class Evidence:
    """All that the judge looks at."""

    submissions: list[Submission]
    books: Books
    placed: list[Placed]
    stored: dict[str, tuple[int, str]] = field(default_factory=dict)  # key → size, sha256
    violations: list[str] = field(default_factory=list)
    forgeries_accepted: int = 0
    errors: list[str] = field(default_factory=list)  # answers that no browser should get
    finals: frozenset[str] = frozenset(ENDS)

    def __post_init__(self) -> None:
        by_token = {token: each for each in self.books.generations for token in each.tokens}
        by_request = {request: each for each in self.books.generations for request in each.requests}
        by_prompt = {each.prompt: each for each in self.books.generations}
        self.of: dict[str, list[Submission]] = defaultdict(list)
        self.strangers: list[Submission] = []
        for one in self.submissions:
            digest = hashlib.sha256(one.token.encode()).hexdigest()
            owner = by_token.get(digest) or by_request.get(one.request_id) or by_prompt.get(one.prompt)
            if owner:
                self.of[owner.id].append(one)
            else:
                self.strangers.append(one)

    def made(self) -> list[Generation]:
        """Those of which fal has a clip."""
        return [each for each in self.books.generations if any(one.good for one in self.of[each.id])]


def judge(evidence: Evidence) -> list[Finding]:
    """Every finding; none is a pass."""
    return [finding for check in CHECKS for finding in check(evidence)]


def submitted_once(evidence: Evidence) -> Iterator[Finding]:
    """fal took each generation at most once, by the token in its address and by its prompt."""
    for generation, requests in evidence.of.items():
        if len(requests) > 1:
            ids = ", ".join(each.request_id for each in requests)
            yield Finding("submitted twice", generation, f"fal accepted {ids}")
    prompts = Counter(each.prompt for each in evidence.submissions)
    for prompt, times in prompts.items():
        if times > 1:
            yield Finding("submitted twice", prompt, f"fal accepted this prompt {times} times")
    for stranger in evidence.strangers:
        yield Finding("nobody's submission", stranger.request_id, f"no row knows it: {stranger.prompt}")


def charged_right(evidence: Evidence) -> Iterator[Finding]:
    """Charged exactly when it succeeded and was no gift; once, and the price that was shown."""
    for each in evidence.books.generations:
        due = (each.price,) if each.state == "succeeded" and not each.gift else ()
        if each.charges != due:
            kind = "charged twice" if len(each.charges) > 1 else "charged wrongly"
            yield Finding(kind, each.id, f"{each.state}, price {each.price}, charged {each.charges}")
        if each.state in evidence.finals and each.held:
            yield Finding("credits stuck", each.id, f"{each.state} and {each.held} still held")


def nothing_open(evidence: Evidence) -> Iterator[Finding]:
    """Everything has come to an end."""
    for each in evidence.books.generations:
        if each.state not in evidence.finals:
            yield Finding("stuck", each.id, each.state)
    if evidence.books.waiting:
        yield Finding("stuck", "deliveries", f"{evidence.books.waiting} that nobody acted on")


def nothing_lost(evidence: Evidence) -> Iterator[Finding]:
    """A clip that fal made, and that we know or could know of, is delivered."""
    for each in evidence.books.generations:
        good = [one for one in evidence.of[each.id] if one.good]
        learnt = [one for one in good if one.heard or one.request_id in each.requests]
        if learnt and each.state != "succeeded":
            ids = ", ".join(one.request_id for one in learnt)
            yield Finding("lost", each.id, f"{each.state} ({each.reason}), though fal made {ids}")
        if each.state == "succeeded" and not good:
            yield Finding("from nowhere", each.id, "succeeded, but fal made no clip for it")


def nearly_all_delivered(evidence: Evidence) -> Iterator[Finding]:
    """The few that nobody could learn of are few."""
    made = evidence.made()
    delivered = sum(each.state == "succeeded" for each in made)
    if delivered < LEAST_DELIVERED * len(made):
        yield Finding("too few delivered", "share", f"{delivered} of {len(made)} clips that fal made")


def ledger_exact(evidence: Evidence) -> Iterator[Finding]:
    """Each purse holds what was put in, less what its clips cost; nothing is still set aside."""
    spent: Counter[str] = Counter()
    for each in evidence.books.generations:
        spent[each.workspace] += each.price if each.state == "succeeded" and not each.gift else 0
    for purse in evidence.books.purses:
        due = purse.granted - spent[purse.workspace]
        if purse.posted != due:
            words = f"holds {purse.posted}, should hold {due}: {purse.granted} less {due - purse.granted:+d}"
            yield Finding("ledger", purse.workspace, words)
        if purse.held:
            yield Finding("ledger", purse.workspace, f"{purse.held} held, and nothing is open")


def orders_kept(evidence: Evidence) -> Iterator[Finding]:
    """One row for each form that was answered “on its way”, none for one that was refused."""
    rows = Counter(each.form_key for each in evidence.books.generations)
    for placed in evidence.placed:
        key, found = placed.order.form_key, rows.pop(placed.order.form_key, 0)
        if placed.state == "placed" and found == 0:
            yield Finding("order lost", key, f"answered as placed after {placed.presses} presses, no row")
        elif found > 1:
            yield Finding("ordered twice", key, f"{found} rows from one form pressed {placed.presses} times")
        elif placed.state == "refused" and found:
            yield Finding("order kept", key, "refused, and yet there is a row")
        elif not placed.state:
            yield Finding("no answer", key, f"{placed.presses} presses were never answered")
    for key in rows:
        yield Finding("order from nowhere", key, "a row of a form nobody sent")


def files_whole(evidence: Evidence) -> Iterator[Finding]:
    """Every file in the books is there with its size and digest, and no other file is."""
    known = set()
    for file in evidence.books.files:
        known.add(file.key)
        there = evidence.stored.get(file.key)
        if there is None:
            yield Finding("file missing", file.key, "in the books, not on the disk")
        elif there != (file.size, file.sha256 or there[1]):
            yield Finding("file differs", file.key, f"{there} instead of {(file.size, file.sha256)}")
    for each in evidence.books.generations:
        made = {one.clip for one in evidence.of[each.id] if one.clip}
        if each.clip and made and each.clip not in made:
            yield Finding("file differs", each.id, "the clip in the books is not the one that fal made")
        known.update(each.files)
        for key in set(each.files) - evidence.stored.keys():
            yield Finding("file missing", key, f"of {each.id}")
    for key in sorted(evidence.stored.keys() - known):
        yield Finding("orphan file", key, f"{evidence.stored[key][0]} bytes that no row knows")


def own_audit(evidence: Evidence) -> Iterator[Finding]:
    """What the product's auditor says counts as well: it should not be blind to what we see."""
    for words in evidence.violations:
        yield Finding("invariant", *words.rsplit(": ", 1)[::-1])


def forgeries_refused(evidence: Evidence) -> Iterator[Finding]:
    """Nothing that fal did not sign was taken."""
    if evidence.forgeries_accepted:
        yield Finding("forgery accepted", "webhook", f"{evidence.forgeries_accepted} answered with 2xx")


def pages_sane(evidence: Evidence) -> Iterator[Finding]:
    """No page broke in a way that a restart does not explain."""
    for words in evidence.errors:
        yield Finding("page", "answer", words)


CHECKS = (
    submitted_once,
    charged_right,
    nothing_open,
    nothing_lost,
    nearly_all_delivered,
    ledger_exact,
    orders_kept,
    files_whole,
    own_audit,
    forgeries_refused,
    pages_sane,
)


def concerned(finding: Finding, books: Books) -> Generation | None:
    """The row a finding is about, if it is about one."""
    for each in books.generations:
        if finding.subject in (each.id, each.form_key, each.prompt, *each.files):
            return each
    return None
