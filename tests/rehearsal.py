"""Many short plays on one stage: committed rows, a fal that remembers, and time that passes by hand.

To make the people and to empty the tables takes longer than a play. So a module shares one stage, and what
must hold is checked after each play for everything that was ever played on it.
"""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django_rq
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import override_settings

from accounts.models import Wallet
from generations import jobs, orders, webhooks
from generations.fal.download import Downloaded
from generations.media.inventory import broken_promises
from generations.media.janitor import Janitor
from generations.media.vault import vault
from generations.models import OPEN, Attempt, Breaker, Clip, Delivery, Generation, State
from generations.motor.deliveries import GIVEN_UP
from generations.motor.store import settle
from generations.reconcile import sweep
from generations.timing import STORING_LEASE
from tests.generations.puppet import on_a_port
from tests.little_fal import ACCOUNT, LittleFal, Taken
from tests.world import World, order

FUNDS = 1_000_000
# Longer than any lease, shorter than a quarter of an hour.
STEP = timedelta(minutes=6)
CLOCKS: dict[Any, tuple[str, ...]] = {
    Generation: ("wake_at", "lease_until", "poked_at", "deadline_at"),
    Attempt: ("prepared_at", "sent_at", "lost_since"),
    Delivery: ("received_at",),
    Breaker: ("until", "quiet_until", "tried_at", "failing_since", "silent_since"),
}


@dataclass(frozen=True)
class End:
    """How a generation has ended."""

    state: State = State.SUCCEEDED
    reason: str = ""
    accepted: int = 1
    gift: bool = False


class Rehearsal:
    """The product, its workers in the hands of the test, and fal."""

    def __init__(self, world: World, fal: LittleFal) -> None:
        self.world, self.fal = world, fal
        self.fetch: Callable[[str], None] = jobs.media
        self.browser = Client(raise_request_exception=False)
        self.browser.force_login(world.alice.user)
        self.clear()

    def clear_bells(self) -> None:
        """As if Redis had forgotten everything."""
        for name in ("drive", "media"):
            django_rq.get_queue(name).empty()

    def clear(self) -> None:
        """A good day again: nothing rings, and fal is well."""
        self.clear_bells()
        Breaker.objects.all().delete()
        self.fal.script.clear()
        self.fal.taken.clear()
        self.fal.at_once, self.fal.speechless, self.fal.forgetful = True, 0, False

    def order(self, key: uuid.UUID | None = None) -> Generation:
        """Alice presses the button; the same key is the same form once more."""
        return orders.place(self.world.alice, order(self.world.alice, key=key))[0]

    def passes(self, step: timedelta = STEP) -> None:
        """Time is never patched: everything that is noted moves into the past."""
        for model, columns in CLOCKS.items():
            rows = model.objects.all()
            if model is Generation:
                rows = rows.filter(state__in=OPEN)
            rows.update(**{column: F(column) - step for column in columns})
        Generation.objects.exclude(state__in=OPEN).update(poked_at=F("poked_at") - step)

    def turn(self, *, webhooks_too: bool = False) -> None:
        """Time passes, fal calls back, the reconciler sweeps, the workers empty their queues."""
        self.passes()
        if webhooks_too:
            for one in self.owed():
                self.fal.tell(one)
        sweep()
        self.work()

    def work(self) -> None:
        """As the workers do it: whatever Redis knows of, and whatever that rings for."""
        for _ in range(20):
            calls = [
                (job, call.args[0])
                for name, job in (("drive", jobs.drive), ("media", self.fetch))
                for call in self._take_all(name)
            ]
            if not calls:
                return
            for job, key in dict.fromkeys(calls):
                job(key)
        raise AssertionError("the bell does not stop")

    def _take_all(self, name: str) -> list[Any]:
        queue = django_rq.get_queue(name)
        calls = queue.jobs
        queue.empty()
        return calls

    def owed(self) -> list[Taken]:
        """What fal has finished and told nobody."""
        return [one for one in self.fal.taken if one.state == "done" and not one.told]

    def settle(self, *, webhooks_too: bool = False, turns: int = 12) -> None:
        """Let it go on until nothing is open."""
        for _ in range(turns):
            self.turn(webhooks_too=webhooks_too)
            if not (Generation.objects.filter(state__in=OPEN).exists() or self.unheard()):
                return
        raise AssertionError([f"{each} {each.tries}" for each in Generation.objects.filter(state__in=OPEN)])

    def unheard(self) -> bool:
        """Whether fal said something that nobody acted on."""
        return Delivery.objects.filter(processed_at=None).exists()

    def ended(self, generation: Generation) -> End:
        """How it did, by our rows and fal's memory."""
        row = Generation.objects.get(pk=generation.pk)
        accepted = len(self.fal.of(row.input["seed"]))
        return End(State(row.state), row.reason, accepted, row.late_free)

    def check(self) -> None:
        """What must hold for everything ever played here."""
        assert not Generation.objects.filter(state__in=OPEN).exists()
        assert not Generation.objects.out().exists()
        assert not self.unheard()
        sold = Generation.objects.filter(state=State.SUCCEEDED, late_free=False)
        wallet = Wallet.objects.get(workspace=self.world.alice.workspace)
        assert (wallet.posted, wallet.held) == (FUNDS - sum(sold.values_list("cost", flat=True)), 0)

    def check_files(self) -> None:
        """One clip and one poster for each that succeeded, whole; the janitor found the rest."""
        Janitor().tidy(older_than=timedelta(0))
        kept = Clip.objects.values_list("file", "poster", "generation__state")
        assert {state for _, _, state in kept} <= {State.SUCCEEDED}
        assert len(kept) == Generation.objects.filter(state=State.SUCCEEDED).count()
        assert files() == sorted(key for file, poster, _ in kept for key in (file, poster))
        assert list(broken_promises(digests=True)) == []


def settled(key: str) -> None:
    """What a media worker commits, without the file: for plays that are about order and not about files."""
    generation = Generation.objects.select_related("hold").get(pk=key)
    given_up = generation.state == State.FAILED and generation.reason in GIVEN_UP
    gift = given_up and Delivery.objects.filter(attempt__generation=generation, processed_at=None).exists()
    if gift or (generation.state == State.STORING and generation.lease(seconds=STORING_LEASE)):
        found = {"width": 1280, "height": 720, "seconds": 8.0, "has_audio": True}
        settle(generation, Downloaded(1, "0" * 64), found, f"clips/{key}.mp4", f"posters/{key}.webp")


def files() -> list[str]:
    """Everything in the vault, half-written files as well."""
    root = Path(vault().path(""))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@contextmanager
def rehearsing(blocker: Any, folder: Path) -> Iterator[Rehearsal]:
    """A stage; empty tables afterwards."""
    local = {"BACKEND": "generations.media.vault.LocalVault", "OPTIONS": {"location": folder / "media"}}
    with (
        on_a_port(LittleFal(folder)) as fal,
        blocker.unblock(),
        patch.object(tempfile, "tempdir", str(folder)),
        _no_power_cuts(),
    ):
        here = override_settings(
            FAL_QUEUE_URL=fal.url,
            FAL_REST_URL=fal.url,
            FAL_API_URL=f"{fal.url}/v1",
            FAL_JWKS_URL=f"{fal.url}/.well-known/jwks.json",
            FAL_MEDIA_HOSTS=[fal.url.removeprefix("http://")],
            FAL_WEBHOOK_USER_ID=ACCOUNT,
            MEDIA_ROOT=folder / "media",
            STORAGES={**settings.STORAGES, "default": local},
        )
        with here:
            webhooks.keys.cache_clear()
            try:
                yield Rehearsal(World.make(FUNDS), fal)
            finally:
                call_command("flush", verbosity=0, interactive=False)
                webhooks.keys.cache_clear()


@contextmanager
def _no_power_cuts() -> Iterator[None]:
    """Processes die here, machines do not: like the PostgreSQL of tests, SQLite waits for no disk."""
    options = connection.settings_dict["OPTIONS"]
    words = {
        name: word.replace("synchronous=FULL", "synchronous=OFF")
        for name, word in options.items()
        if name == "init_command"
    }
    connection.close()
    with patch.dict(options, words):
        yield
        connection.close()
