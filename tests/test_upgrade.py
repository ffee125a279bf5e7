"""A database of the release before, with rows and triggers in it, is upgraded and loses neither."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

BEFORE = ("accounts", "0003_share"), ("generations", "0005_places_grow_with_time")
# In the words of that release: its models are rebuilt from its migrations.
ROWS = f"""
import uuid
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
apps = MigrationLoader(connection).project_state({list(BEFORE)!r}).apps
model = apps.get_model
now = timezone.now()
user = model("accounts", "User").objects.create(email="ada@example.com", password="")
workspace = model("accounts", "Workspace").objects.create(name="Northlight")
model("accounts", "Membership").objects.create(user=user, workspace=workspace, role="owner")
wallet = model("accounts", "Wallet").objects.create(workspace=workspace, posted=100, held=40, seq=1)
model("accounts", "LedgerEntry").objects.create(
    wallet=wallet, seq=1, kind="grant", amount=100, balance_after=100, cause_key="grant:test")
model("accounts", "AuditEvent").objects.create(verb="generation.created", actor=user, workspace=workspace)
hold = model("accounts", "Hold").objects.create(wallet=wallet, amount=40)
made = model("generations", "Generation").objects.create(
    workspace=workspace, author=user, form_key=uuid.uuid4(), input_digest="", endpoint="fal-ai/veo3.1/lite",
    mode="text", prompt="A lighthouse", seconds=8, audio=True, hold=hold, cost=40, usd=1,
    price_version="1", wake_at=now, deadline_at=now)
model("generations", "StateChange").objects.create(generation=made, after="queued", cause="created")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "old.sqlite3"


def manage(file: Path, *words: str, given: str = "") -> str:
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{file}"}
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def triggers(file: Path) -> set[tuple[str, str]]:
    rows = sqlite3.connect(file).execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    return set(rows.fetchall())


def test_sqlite_of_the_release_before_is_upgraded_with_its_rows_and_triggers(file: Path) -> None:
    for app, name in BEFORE:
        manage(file, "migrate", "-v0", app, name)
    manage(file, "shell", "-v0", given=ROWS)
    before = triggers(file)
    assert ("generations_settled", "generations_generation") in before
    manage(file, "migrate", "-v0")
    assert triggers(file) >= before
    assert "all invariants hold" in manage(file, "check_invariants")
    rows = sqlite3.connect(file).execute("SELECT state, visibility FROM generations_generation").fetchall()
    assert rows == [("queued", "workspace")]
