"""From a result to a clip that is ours: what happens when the way, the file, the disk or a worker fails."""

import hashlib
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone

from generations import motor
from generations.fal.failures import Reason
from generations.media import scratch
from generations.media.vault import LocalVault, vault
from generations.models import Clip, Generation, State
from tests.fal.hosting import Host
from tests.generations.ageing import age, now, submitted
from tests.generations.conftest import CLIP
from tests.generations.puppet import Puppet
from tests.world import World

pytestmark = [
    pytest.mark.usefixtures("own_folders"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]


def storing(world: World, puppet: Puppet) -> Generation:
    """One whose result is known and whose file is not fetched yet."""
    generation, _ = submitted(world, puppet)
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING
    puppet.calls.clear()
    return now(generation)


def step(generation: Generation) -> Generation:
    """What a media worker does when its time has come."""
    age(generation)
    motor.store(generation.pk)
    return now(generation)


def assert_waits(generation: Generation) -> None:
    after = now(generation)
    wallet = after.workspace.wallet
    wallet.refresh_from_db()
    assert (after.state, after.is_asleep, after.lease_until) == (State.STORING, True, None)
    assert (wallet.held, wallet.posted) == (after.cost, 1000)
    assert files() == []


def assert_lost(generation: Generation) -> None:
    after = now(generation)
    assert (after.state, after.reason) == (State.FAILED, Reason.MEDIA_LOST)
    assert after.workspace.wallet.available == 1000
    assert files() == []


def assert_stored(generation: Generation) -> None:
    after = now(generation)
    assert after.state == State.SUCCEEDED
    assert after.clip
    with vault().open(after.clip.file) as file:
        content = file.read()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (after.clip.size, after.clip.sha256)
    assert content == CLIP
    assert files() == sorted([after.clip.file, after.clip.poster])
    assert after.workspace.wallet.posted == 1000 - after.cost


def files() -> list[str]:
    """Everything in the vault, half-written files as well."""
    root = Path(storages["default"].path(""))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


# ── The way ─────────────────────────────────────────────────────────────────────────────────────


def test_a_download_that_breaks_off_goes_on_within_the_step(lasting: World, puppet: Puppet, host: Host):
    host.cuts = [len(CLIP) // 3] * 2
    generation = storing(lasting, puppet)
    assert_stored(step(generation))
    assert [bool(asked) for asked, _ in host.asked] == [False, True, True]
    assert not (scratch.root() / str(generation.pk)).exists()


def test_the_next_step_goes_on_where_the_last_one_was_interrupted(lasting: World, puppet: Puppet, host: Host):
    host.cuts, host.statuses = [len(CLIP) // 3], [200, 503]
    generation = storing(lasting, puppet)
    step(generation)
    assert_waits(generation)
    assert_stored(step(generation))
    assert host.asked[-1] == (f"bytes={len(CLIP) // 3}-", '"one"')


def test_a_worker_beside_one_that_hangs_in_a_download_takes_a_folder_of_its_own(
    lasting: World, puppet: Puppet, host: Host
):
    generation = storing(lasting, puppet)
    with scratch.folder_of(generation.pk) as taken:
        (taken / "clip.mp4").write_bytes(b"half of it")
        step(generation)
        assert (taken / "clip.mp4").read_bytes() == b"half of it"
    assert_stored(generation)


def test_an_outage_costs_a_clip_nothing_but_time(lasting: World, puppet: Puppet, host: Host):
    host.statuses = [503] * 12
    generation = storing(lasting, puppet)
    for _ in range(12):
        step(generation)
        assert_waits(generation)
    assert_stored(step(generation))


# ── The file ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trouble", ["gone", "unreadable", "elsewhere", "nowhere"])
def test_a_file_that_is_of_no_use_is_asked_for_once_more_and_taken_at_once(
    lasting: World, puppet: Puppet, host: Host, trouble: str
):
    good = puppet.script["result"]
    url = {"elsewhere": "https://elsewhere.example/x.mp4", "nowhere": None}.get(trouble, puppet.url + "/file")
    puppet.script["result"] = [(200, {"video": {"url": puppet.url + "/file"}})]
    puppet.script["file"] = [(404, {}) if trouble == "gone" else (200, b"no clip")]
    generation = storing(lasting, puppet)
    generation.attempts.update(result={"video": {"url": url}})
    puppet.script["result"] = good
    assert_stored(step(generation))
    assert puppet.calls.count("result") == 1


@pytest.mark.parametrize("answer", [(404, {}), (200, b"no clip")])
def test_a_file_that_is_of_no_use_under_its_fresh_address_is_lost(
    lasting: World, puppet: Puppet, answer: tuple[int, Any]
):
    puppet.script["file"] = [answer]
    generation = storing(lasting, puppet)
    step(generation)
    assert_lost(generation)
    assert puppet.calls == ["file", "result", "file"]


def test_an_unreadable_file_is_fetched_again_even_under_the_address_that_it_had(
    lasting: World, puppet: Puppet, host: Host
):
    host.content = b"no clip"
    generation = storing(lasting, puppet)
    (same,) = puppet.script["result"]  # type: ignore[misc]

    def mended() -> Any:
        host.content = CLIP
        return same

    puppet.script["result"] = mended
    assert_stored(step(generation))


def test_a_file_that_is_cut_off_is_lost_and_never_charged(lasting: World, puppet: Puppet, host: Host):
    """Its length is as announced; that its end is missing only a look into it can tell."""
    host.content = CLIP[: len(CLIP) * 2 // 3]
    generation = storing(lasting, puppet)
    step(generation)
    assert_lost(generation)


def test_while_fal_cannot_be_asked_for_a_fresh_address_the_clip_waits(
    lasting: World, puppet: Puppet, host: Host
):
    host.statuses = [404] * 10
    generation = storing(lasting, puppet)
    good = puppet.script["result"]
    puppet.script["result"] = [(503, {"detail": "x"})]
    for _ in range(10):
        step(generation)
        assert_waits(generation)
    puppet.script["result"] = good
    assert_stored(step(generation))


def test_a_file_that_is_gone_and_unknown_to_fal_is_looked_for_some_minutes(
    lasting: World, puppet: Puppet, host: Host
):
    host.statuses = [404] * 10
    generation = storing(lasting, puppet)
    puppet.script["result"] = [(404, {"detail": "x"})]
    waited = 0.0
    for _ in range(7):
        step(generation)
        assert_waits(generation)
        waited += (now(generation).wake_at - timezone.now()).total_seconds()  # type: ignore[operator]
    assert waited > 5 * 60
    step(generation)
    assert_lost(generation)


def test_fal_may_say_that_it_failed_after_all(lasting: World, puppet: Puppet, host: Host):
    host.statuses = [404]
    generation = storing(lasting, puppet)
    puppet.script["result"] = [(422, {"detail": [{"loc": ["body"], "type": "x", "msg": "no"}]})]
    step(generation)
    assert_lost(generation)


# ── The disk and the storage ────────────────────────────────────────────────────────────────────


class Lossy(LocalVault):
    """A storage that says yes and keeps half."""

    def _save(self, name: str, content: "File[Any]") -> str:
        whole = content.read()
        return super()._save(name, ContentFile(whole[: len(whole) // 2]))


class Away(LocalVault):
    """A storage whose refusals are no OSError, as object stores' are; posters only."""

    def _save(self, name: str, content: "File[Any]") -> str:
        if name.startswith("posters"):
            raise RuntimeError("503 Slow Down")
        return super()._save(name, content)


@pytest.mark.parametrize("kind", ["Lossy", "Away"])
def test_what_is_not_whole_in_the_storage_is_neither_charged_nor_left_there(
    lasting: World, puppet: Puppet, host: Host, settings: Any, kind: str
):
    generation = storing(lasting, puppet)
    good = settings.STORAGES
    local = {**good["default"], "BACKEND": f"{__name__}.{kind}"}
    settings.STORAGES = {**good, "default": local}
    for _ in range(4):
        step(generation)
        assert_waits(generation)
    settings.STORAGES = good
    assert_stored(step(generation))
    assert len(host.asked) == 1


# ── Workers that come too late ──────────────────────────────────────────────────────────────────


class Slow(LocalVault):
    """The first poster takes until somebody says so."""

    reached, go = threading.Event(), threading.Event()

    def _save(self, name: str, content: "File[Any]") -> str:
        if name.startswith("posters") and not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(60)
        return super()._save(name, content)


def hanging(world: World, puppet: Puppet) -> tuple[Generation, threading.Thread]:
    """A worker that has stored the clip and hangs with its poster."""
    generation = storing(world, puppet)
    age(generation)

    def work() -> None:
        motor.store(generation.pk)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    assert Slow.reached.wait(60)
    return generation, thread


@pytest.fixture
def slow(settings: Any, own_folders: None) -> None:
    local = {**settings.STORAGES["default"], "BACKEND": f"{__name__}.Slow"}
    settings.STORAGES = {**settings.STORAGES, "default": local}
    Slow.reached, Slow.go = threading.Event(), threading.Event()


@pytest.mark.usefixtures("slow")
def test_a_worker_that_slept_past_its_lease_takes_away_its_own_files_and_no_others(
    lasting: World, puppet: Puppet, host: Host
):
    generation, thread = hanging(lasting, puppet)
    assert len(files()) == 1
    assert step(generation).state == State.SUCCEEDED
    assert len(files()) == 3
    Slow.go.set()
    thread.join()
    assert_stored(generation)
    assert Clip.objects.count() == 1


@pytest.mark.usefixtures("slow")
def test_a_worker_that_slept_past_its_lease_does_not_undo_that_another_waits(
    lasting: World, puppet: Puppet, host: Host
):
    generation, thread = hanging(lasting, puppet)
    host.statuses = [503]
    step(generation)
    before = now(generation)
    Slow.go.set()
    thread.join()
    assert_waits(generation)
    assert (now(generation).tries, now(generation).wake_at) == (before.tries, before.wake_at)
    assert_stored(step(generation))


@pytest.mark.usefixtures("slow")
def test_a_worker_that_is_late_but_whom_nobody_replaced_still_stores(
    lasting: World, puppet: Puppet, host: Host
):
    generation, thread = hanging(lasting, puppet)
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    Slow.go.set()
    thread.join()
    assert_stored(generation)
