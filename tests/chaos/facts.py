"""What the judge is told: submissions as fal knows them, and what stands in the books. Plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tests.chaos.people import Person
from tests.chaos.wishes import Wishes


@dataclass(frozen=True)
class Submission:
    """A request that fal accepted. `good` once it completed with a clip."""

    request_id: str
    prompt: str
    token: str
    completed: bool
    good: bool
    heard: bool = False  # a webhook about it was answered with 2xx
    owed: bool = False  # a webhook about it may still come
    clip: str = ""  # sha256 of the file


@dataclass(frozen=True)
class Step:
    """A change of state: when, to what, and why."""

    at: datetime
    state: str
    cause: str


@dataclass(frozen=True)
class Generation:
    """One clip somebody ordered, by its row and the rows about its money."""

    id: str
    form_key: str
    workspace: str
    prompt: str
    state: str
    price: int
    charges: tuple[int, ...] = ()  # every amount taken for it, less what was given back
    held: int = 0
    gift: bool = False
    reason: str = ""
    tokens: frozenset[str] = frozenset()  # digests
    requests: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()  # keys in the vault
    clip: str = ""  # sha256 of the clip's file, as written down
    seconds: float | None = None  # from order to end
    story: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Purse:
    """The credits of one workspace."""

    workspace: str
    granted: int
    posted: int
    held: int


@dataclass(frozen=True)
class File:
    """A file that the books say is in the vault."""

    key: str
    size: int
    sha256: str


@dataclass
class Books:
    """Everything that was written down."""

    generations: list[Generation] = field(default_factory=list)
    purses: list[Purse] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    waiting: int = 0  # things said by fal that nobody has acted on


class House(Protocol):
    """Who keeps the books; asked by the bench, never by the judge."""

    def populate(self, wishes: Wishes) -> list[Person]:
        """People with sessions and credits."""

    def find(self, form_key: str) -> str | None:
        """The id of what a form made."""

    def open(self) -> int:
        """How much has not come to an end."""

    def books(self) -> Books:
        """All of it."""

    def violations(self) -> list[str]:
        """What its own auditor finds."""
