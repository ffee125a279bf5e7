"""What killed workers leave behind, and what only looks like it."""

import os
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from generations.media import intake, janitor, scratch
from generations.media.janitor import Janitor, tidy_scratch
from generations.media.vault import LocalVault, has_room, new_key, vault
from generations.models import Generation, State
from tests.clips import finished, storing
from tests.generations.ageing import place
from tests.world import World, upload

pytestmark = [pytest.mark.usefixtures("own_folders"), pytest.mark.django_db, pytest.mark.both_databases]

HOURS = 3600.0


def lay(key: str, *, hours: float) -> str:
    """A file in the vault that was last written so long ago."""
    return made_old(vault().save(key, ContentFile(b"x")), hours=hours)


def orphan(world: World, *, hours: float = 7, kind: str = "clips", suffix: str = ".mp4") -> str:
    return lay(new_key(kind, world.alice.workspace.pk, suffix), hours=hours)


def made_old(key: str, *, hours: float) -> str:
    then = time.time() - hours * HOURS
    os.utime(vault().path(key), (then, then))
    return key


# ── The vault ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "suffix"), [("clips", ".mp4"), ("posters", ".webp"), ("uploads", ".jpg")])
def test_an_object_without_a_row_goes_once_it_is_old(world: World, kind: str, suffix: str):
    old, young = (orphan(world, hours=hours, kind=kind, suffix=suffix) for hours in (6.1, 5.9))
    assert Janitor().tidy() == 1
    assert not vault().exists(old)
    assert vault().exists(young)


def test_an_object_with_a_row_stays_however_old_it_is(world: World):
    clip = finished(world).clip
    assert clip
    kept = [clip.file, clip.poster, upload(world.alice).file, upload(world.bob, "video").file]
    for key in kept:
        made_old(key, hours=10_000)
    gone = orphan(world)
    assert Janitor().tidy() == 1
    assert [vault().exists(key) for key in kept] == [True] * 4
    assert not vault().exists(gone)


def test_a_clip_that_serves_as_an_upload_stays_as_both(world: World, monkeypatch: Any):
    done = finished(world)
    intake.from_clip(done, world.alice)
    assert done.clip
    made_old(done.clip.file, hours=10_000)
    assert Janitor().tidy() == 0


def test_while_somebody_stores_for_a_workspace_or_hangs_nothing_of_it_goes(world: World):
    """The row of a worker that hangs stays leased, however long ago that ended, until it is taken over."""
    generation = storing(place(world))
    mine, theirs = orphan(world), lay(new_key("clips", world.eve.workspace.pk, ".mp4"), hours=7)
    assert generation.lease(seconds=-3600)
    assert Janitor().tidy() == 1
    assert vault().exists(mine)
    assert not vault().exists(theirs)
    generation.wait(60)
    assert Janitor().tidy() == 1
    assert not vault().exists(mine)


def test_a_half_written_file_goes_an_hour_after_its_last_byte(world: World):
    shelf = Path(vault().path(orphan(world, hours=0))).parent
    old, young = shelf / ".incoming-abc_1", shelf / ".incoming-def_2"
    for file, hours in ((old, 1.1), (young, 0.9)):
        file.write_bytes(b"half")
        os.utime(file, (time.time() - hours * HOURS,) * 2)
    assert Janitor().tidy() == 1
    assert not old.exists()
    assert young.exists()


def test_what_does_not_look_like_ours_is_left_alone(world: World):
    owner = world.alice.workspace.pk
    name = f"{'a' * 32}.mp4"
    places = ("", f"clips/{owner}/", f"clips/{owner}/ab/cd/", f"backup/{owner}/ab/", "clips/somebody/ab/")
    strange = [f"clips/{owner}/ab/notes.txt", *(f"{place}{name}" for place in places)]
    for key in strange:
        lay(key, hours=10_000)
    assert Janitor().tidy() == 0
    assert all(map(vault().exists, strange))


def test_a_drill_does_not_make_workers_faster_than_their_leases(world: World, settings: Any):
    settings.TIME_SCALE = 1_000_000
    young = orphan(world, hours=0.05)
    assert Janitor().tidy() == 0
    assert Janitor().tidy(older_than=timedelta(0)) == 1
    assert not vault().exists(young)


def test_a_pass_looks_at_some_and_the_next_ones_at_the_rest(world: World, monkeypatch: Any):
    monkeypatch.setattr(janitor, "MOST", 3)
    for _ in range(7):
        orphan(world)
    walk = Janitor()
    assert [walk.tidy() for _ in range(4)] == [3, 3, 1, 0]
    orphan(world)
    assert walk.tidy() == 1


def test_the_files_of_another_database_are_an_alarm_and_not_rubbish(
    world: World, monkeypatch: Any, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(janitor, "SUSPICIOUS", 4)
    keys = [orphan(world) for _ in range(5)]
    assert Janitor().tidy() == 0
    assert all(map(vault().exists, keys))
    assert "event=foreign_files orphans=5 of=5" in caplog.text


class Unwilling(LocalVault):
    """A storage that cannot be asked."""

    def get_modified_time(self, name: str) -> Any:
        raise RuntimeError("503 Slow Down")


def test_a_storage_that_cannot_be_asked_is_left_for_another_day(world: World, settings: Any):
    key = orphan(world)
    good = settings.STORAGES
    settings.STORAGES = {**good, "default": {**good["default"], "BACKEND": f"{__name__}.Unwilling"}}
    walk = Janitor()
    assert walk.tidy() == 0
    settings.STORAGES = good
    assert vault().exists(key)
    assert walk.tidy() == 1


def test_a_storage_without_folders_is_tidied_as_well(world: World, settings: Any):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    clip = finished(world).clip
    assert clip
    key = vault().save(new_key("clips", world.alice.workspace.pk, ".mp4"), ContentFile(b"x"))
    walk = Janitor()
    assert walk.tidy() == 0
    assert walk.tidy(older_than=timedelta(0)) == 1
    assert [vault().exists(each) for each in (key, clip.file, clip.poster)] == [False, True, True]


def test_a_vault_nobody_has_used_yet_is_tidy(db: None):
    assert Janitor().tidy() == 0


# ── Scratch ─────────────────────────────────────────────────────────────────────────────────────


def left(name: str, *, seconds: float = 120) -> Path:
    """A folder of a worker that was killed so long ago."""
    folder = scratch.root() / name
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"half of it")
    os.utime(folder, (time.time() - seconds,) * 2)
    return folder


def test_a_folder_stays_while_a_try_may_come_back_to_it(world: World):
    generation = storing(place(world))
    needed, ended = left(str(generation.pk)), left(str(uuid.uuid4()))
    fresh, young = left("fresh-abc"), left("fresh-def", seconds=30)
    assert tidy_scratch() == 2
    assert [folder.exists() for folder in (needed, ended, fresh, young)] == [True, False, False, True]
    assert generation.finish(State.FAILED, cause="test", reason="media_lost")
    assert tidy_scratch() == 1
    assert not needed.exists()


def test_a_folder_that_somebody_is_in_stays(world: World):
    pk = uuid.uuid4()
    with scratch.folder_of(pk) as folder:
        os.utime(folder, (0, 0))
        assert tidy_scratch() == 0
        assert folder.exists()
    assert not Generation.objects.filter(pk=pk).exists()


def test_a_folder_outlives_a_worker_that_was_killed_and_no_other(db: None, tmp_path: Path):
    pk = uuid.uuid4()
    folder = left(str(pk))
    hold = (
        "import fcntl, os, sys, time\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "held\n"
        with scratch.folder_of(pk) as other:
            assert other != folder
        assert not other.exists()
        worker.kill()
        worker.wait()
    with pytest.raises(ZeroDivisionError), scratch.folder_of(pk) as mine:
        raise ZeroDivisionError
    assert mine == folder
    with scratch.folder_of(pk) as mine:
        assert (mine / "clip.mp4").exists()
    assert not folder.exists()


@pytest.mark.parametrize("harm", ["open to all", "a link"])
def test_a_scratch_that_others_may_write_to_is_not_used(settings: Any, tmp_path: Path, harm: str):
    root = scratch.root()
    root.rmdir()
    if harm == "a link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        root.symlink_to(tmp_path / "theirs")
    else:
        root.mkdir()
        root.chmod(0o777)
    try:
        with pytest.raises(PermissionError):
            scratch.root()
        with scratch.folder_of(uuid.uuid4()) as folder:
            assert folder.parent != root
            assert folder.stat().st_mode & 0o077 == 0
        assert scratch.leftovers() == []
    finally:
        root.unlink() if root.is_symlink() else root.rmdir()


# ── Room ────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_room_until_the_disk_is_nearly_full(monkeypatch: Any, settings: Any):
    assert has_room()
    monkeypatch.setattr("generations.media.vault.DISK_FLOOR", 10**18)
    assert not has_room()
    elsewhere = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": elsewhere}
    assert has_room()
