"""Everything one running emulator consists of, put together once and taken down together."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fal_emulator.book import Book
from fal_emulator.exchange import Answer, Call, Json
from fal_emulator.faults import Faults, Visit
from fal_emulator.files import Files
from fal_emulator.inputs import Media
from fal_emulator.keysets import KeySet
from fal_emulator.signing import Signer
from fal_emulator.spoils import Scene, spoiled
from fal_emulator.timeline import Crew, Timeline

RENDERERS = 2  # clips made at the same time
COURIERS = 8  # webhooks under way at the same time
REMEMBERED = 50_000  # submits kept for the control surface


@dataclass(frozen=True)
class Settings:
    data: Path
    speed: float = 1.0
    public_url: str | None = None
    user_id: str = "emulator-account"
    running: int | None = None  # runs IN_PROGRESS at the same time; the rest waits
    small_clips: bool = False  # tiny pictures instead of bought ones
    list_lag: float = 0.0  # emulated seconds before the request list shows a request


class World:
    """Shared state. Its parts guard themselves; `url` is set once the port is known."""

    def __init__(self, settings: Settings) -> None:
        settings.data.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.url = ""
        self.files = Files(settings.data / "files")
        self.book = Book(settings.data, self.files)
        self.signer = Signer(settings.data / "webhook-key")
        self.timeline = Timeline(settings.speed)
        self.renderers = Crew("renderer", RENDERERS)
        self.couriers = Crew("courier", COURIERS)
        self.stopping = threading.Event()
        self.faults = Faults(settings.data / "faults.json")
        self.key_set = KeySet(self.signer)
        self.locked = False
        self.signs_as = settings.user_id  # the account that webhooks name
        self.outage: str | None = None  # the kind of fault that every call meets
        self.listen: Callable[[bool], None] = lambda _: None  # opens and closes the port; the server's
        self.webhooks_dropped = False
        self.submits: deque[Json] = deque(maxlen=REMEMBERED)

    def met(self, visit: Visit, call: Call, work: Callable[[], Answer]) -> Answer:
        """The answer to a call, spoiled when it meets a fault."""
        kind = self.faults.strike(visit)
        if kind is None:
            return work()
        return spoiled(kind, Scene(visit.place, call, self.faults.plan.pace), work)

    def present_base(self, past: str) -> str:
        """The base for a request of an earlier start: its own, unless this server has moved since."""
        if self.settings.public_url:
            return self.settings.public_url
        return past if urlsplit(past).port == urlsplit(self.url).port else self.url

    def media(self, base: str) -> Media:
        """The caller's media, where this server is known as `base` among others."""
        known = (base, self.url, self.settings.public_url or "")
        return Media(self.files, frozenset(urlsplit(url).netloc for url in known if url))

    def stop(self) -> None:
        self.stopping.set()
        self.timeline.stop()
        self.couriers.stop(0.5)
        self.renderers.stop(3.0)
        self.book.close()
