"""The auditor finds what is wrong and names it, whatever it is, and finds nothing where all is well."""

import hashlib
import io
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.append_only import removals
from accounts.budgets import set_budget
from accounts.models import Budget, LedgerEntry, Membership
from accounts.policy import Actor
from generations.invariants import ALARMS, ALWAYS, alarms, violations
from generations.media.vault import new_key, vault
from generations.models import Clip
from tests.clips import finished
from tests.generations import plenty
from tests.generations.corruptions import LIFE, MONEY, STUCK
from tests.generations.tampering import TABLES, Corruption
from tests.world import World, upload

pytestmark = [pytest.mark.both_databases, pytest.mark.breaks_invariants]

CORRUPTIONS = (*MONEY, *LIFE, *STUCK)
# Found in 5 s on two idle cores, where nothing else takes half of them.
QUICKLY = 30


def audit(*options: str) -> tuple[int, list[str]]:
    """The exit code and the lines of the command."""
    out = io.StringIO()
    try:
        call_command("check_invariants", *options, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def books(db: None) -> None:
    """A few of every fate, budgets that counted them, and one charge given back."""
    plenty.load(300, workspaces=3)
    for member in Membership.objects.select_related("user", "workspace"):
        set_budget(Actor.of(member), Budget(member=member.user, most=500))
    charge = LedgerEntry.objects.filter(kind="capture", seq=9).select_related("wallet").first()
    assert charge
    charge.wallet.refund(charge, actor=None, reason="test")


@pytest.fixture
def unguarded(books: None) -> None:
    """The same rows in tables without constraints, triggers and foreign keys, which hide the real ones."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TEMPORARY TABLE hiding AS SELECT * FROM {table}")
            cursor.execute(f"ALTER TABLE hiding RENAME TO {table}")


def do(corruption: Corruption) -> str:
    """Do it; the row that the auditor has to name."""
    with connection.cursor() as cursor:
        cursor.execute(corruption.victim)
        key = cursor.fetchone()[0]
        named, now = key, timezone.now()
        parameters = {"key": key} | {
            name: connection.ops.adapt_datetimefield_value(now + days * timedelta(days=1))
            for name, days in {"past": -30, "future": 30}.items()
        }
        if corruption.row:
            cursor.execute(corruption.row, parameters)
            named = cursor.fetchone()[0]
        for act in corruption.acts:
            cursor.execute(act, parameters)
    return str(named)


def test_of_a_few_hundred_generations_of_every_fate_none_is_wrong(books: None) -> None:
    assert audit() == (0, ["all invariants hold"])


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.what)
def test_a_corruption_is_found_and_named(corruption: Corruption, unguarded: None) -> None:
    row = do(corruption)
    code, lines = audit()
    assert code == 1
    assert f"{corruption.invariant}: {row}" in lines


def test_there_is_a_corruption_for_every_invariant() -> None:
    assert {each.invariant for each in CORRUPTIONS} == {*ALWAYS, *ALARMS}
    assert len({each.what for each in CORRUPTIONS}) == len(CORRUPTIONS)


def test_one_wrong_row_among_a_hundred_thousand_generations_is_found_in_seconds(db: None) -> None:
    plenty.load(100_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum does after such a load; on SQLite `PRAGMA optimize`
    changed = Clip.objects.order_by("pk")[50_000]
    Clip.objects.filter(pk=changed.pk).update(size=0)
    began = time.monotonic()
    assert audit() == (1, [f"a clip is a file of a size with its digest: {changed.pk}", "1 violations"])
    assert time.monotonic() - began < QUICKLY


def test_a_whole_table_of_wrong_rows_is_told_in_a_few_lines(books: None) -> None:
    wrong = Clip.objects.update(size=0)
    code, lines = audit()
    assert (code, len(lines)) == (1, 22)
    assert lines[-2:] == [
        f"a clip is a file of a size with its digest: and {wrong - 20} more",
        f"{wrong} violations",
    ]


@pytest.mark.parametrize("table", ["accounts_ledgerentry", "accounts_auditevent", "generations_statechange"])
def test_evidence_that_anybody_could_change_is_reported(table: str, db: None) -> None:
    with connection.cursor() as cursor:
        for statement in removals(connection.vendor, table):
            cursor.execute(statement)
    _, lines = audit()
    found = [line for line in lines if line.startswith("the database guards its evidence: ")]
    assert len(found) == 2
    assert all(line.endswith(f" on {table}") for line in found)


@pytest.mark.postgres
def test_a_guard_that_is_switched_off_is_as_good_as_none(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_hold DISABLE TRIGGER accounts_hold_once")
    assert "the database guards its evidence: accounts_hold_once on accounts_hold" in audit()[1]


def test_alarms_wait_for_the_grace_that_business_time_gives(books: None, settings: Any) -> None:
    now = timezone.now()
    assert not list(alarms(now))
    assert not list(alarms(now + timedelta(minutes=14)))
    late = {each.invariant for each in alarms(now + timedelta(minutes=16))}
    assert late == {"due, and nobody looks"}
    assert not list(violations())
    settings.TIME_SCALE = 60_000
    assert not list(alarms(now + timedelta(seconds=59)))
    assert {each.invariant for each in alarms(now + timedelta(seconds=61))} == late


class Files:
    """A clip and an upload with their files, and what the auditor says of them."""

    def __init__(self, world: World) -> None:
        generation = finished(world)
        assert generation.clip
        self.clip, self.upload = generation.clip, upload(world.alice)
        Clip.objects.filter(pk=self.clip.pk).update(sha256=hashlib.sha256(b"0123456789").hexdigest())

    def write(self, key: str, content: bytes, *, hours: int = 2) -> str:
        """A file that old; what others left behind is of this hour."""
        path = Path(vault().path(key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        then = time.time() - hours * 3600
        os.utime(path, (then, then))
        return key


@pytest.fixture
def files(world: World) -> Iterator[Files]:
    made = Files(world)
    yield made
    for key in (made.clip.file, made.clip.poster, made.upload.file):
        vault().delete(key)


def test_files_that_are_as_their_rows_say_are_no_violation(files: Files) -> None:
    assert audit("--files") == audit("--hash") == audit() == (0, ["all invariants hold"])


def test_a_missing_file_is_named(files: Files) -> None:
    clip = files.clip
    for key, line in {
        clip.file: f"clip {clip.pk}: {clip.file}",
        clip.poster: f"poster of clip {clip.pk}: {clip.poster}",
        files.upload.file: f"upload {files.upload.pk}: {files.upload.file}",
    }.items():
        kept = Path(vault().path(key)).read_bytes()
        vault().delete(key)
        assert audit("--files") == (1, [f"a file is missing: {line}", "1 violations"])
        assert audit() == (0, ["all invariants hold"])
        vault().save(key, ContentFile(kept))


def test_a_file_of_another_size_is_named(files: Files) -> None:
    files.write(files.clip.file, b"cut")
    row = f"clip {files.clip.pk}: {files.clip.file}"
    assert audit("--files") == (1, [f"a file has another size: {row}", "1 violations"])


def test_other_contents_of_the_same_size_are_named_when_digests_are_asked_for(files: Files) -> None:
    files.write(files.clip.file, b"9876543210")
    row = f"clip {files.clip.pk}: {files.clip.file}"
    assert audit("--files") == (0, ["all invariants hold"])
    assert audit("--hash") == (1, [f"a file has other contents: {row}", "1 violations"])


def test_a_file_without_a_row_is_named_once_it_is_old_enough_to_have_one(files: Files, world: World) -> None:
    key = files.write(new_key("clips", world.alice.workspace.pk, ".mp4"), b"x", hours=0)
    half = files.write(f"{Path(key).parent}/.incoming-abc", b"x")
    try:
        assert audit("--files") == (1, [f"a file without a row: {half}", "1 violations"])
        files.write(key, b"x")
        assert f"a file without a row: {key}" in audit("--files")[1]
    finally:
        vault().delete(key)
        vault().delete(half)
