"""A hundred thousand consistent generations in seconds: rows made by the database itself.

Every fate a generation may have, with the holds, entries, attempts, changes, deliveries and clips that
belong to it. Columns that are not named here get the model's own defaults.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, models
from django.utils import timezone

from accounts.models import Hold, LedgerEntry, Membership, Role, User, Wallet, Workspace
from accounts.models.budget import month_of
from generations.models import Attempt, Clip, Delivery, Generation, StateChange

FUNDS = 100_000_000
FIRST_KEY = 10_000_000


@dataclass(frozen=True)
class Fate:
    """How `share` in a hundred went: the walk, and what became of the attempt and of the hold."""

    share: int
    walk: str
    attempt: str = ""
    hold: str = "released"
    end: str = "test"


TO_FAL = "queued submitting submitted"
FATES = (
    Fate(70, f"{TO_FAL} storing succeeded", "accepted", "captured"),
    Fate(10, f"{TO_FAL} failed", "accepted"),
    Fate(3, "queued submitting ambiguous failed", "ambiguous", end="unconfirmed"),
    Fate(2, f"{TO_FAL} failed succeeded", "accepted", end="deadline"),
    Fate(5, "queued cancelled"),
    Fate(2, "queued", hold="held"),
    Fate(1, "queued submitting", "sending", "held"),
    Fate(1, "queued submitting ambiguous", "ambiguous", "held"),
    Fate(4, TO_FAL, "accepted", "held"),
    Fate(2, f"{TO_FAL} storing", "accepted", "held"),
)


def load(count: int, workspaces: int = 97) -> None:
    """So many generations; the wallets' balances as their ledgers say.

    A number of workspaces without a divisor in common with the hundred of the fates has all fates in each.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # triggers take most of the time
        author = _people(workspaces)
        _plan(cursor, count, workspaces)
        _rows(cursor, author)
        _balances(cursor)
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = origin")


def _people(workspaces: int) -> User:
    author = User.objects.create_user("plenty@example.com", None)
    spaces = [Workspace(pk=uuid.UUID(int=FIRST_KEY + place), name="W") for place in range(workspaces)]
    Workspace.objects.bulk_create(spaces)
    Membership.objects.bulk_create(
        Membership(user=author, workspace=each, role=Role.OWNER) for each in spaces
    )
    Wallet.objects.bulk_create(
        Wallet(pk=FIRST_KEY + place, workspace=space) for place, space in enumerate(spaces)
    )
    for wallet in Wallet.objects.filter(workspace__in=spaces):
        wallet.grant(FUNDS, cause=f"plenty:{wallet.pk}")
    return author


def _plan(cursor: Any, count: int, workspaces: int) -> None:
    """Temporary tables: the steps of each fate, and what is to become of each number."""
    cursor.execute("CREATE TEMPORARY TABLE walk (fate int, step int, earlier text, later text, cause text)")
    cursor.execute(
        "CREATE TEMPORARY TABLE fate (fate int, low int, high int, state text, attempt text, hold text,"
        " clip int, gift int, open int)"
    )
    low = 0
    for number, fate in enumerate(FATES):
        states = fate.walk.split()
        gift, is_open = states[-2:] == ["failed", "succeeded"], fate.hold == "held"
        row = (low, low + fate.share, states[-1], fate.attempt, fate.hold)
        flags = (states[-1] == "succeeded", gift, is_open)
        cursor.execute(
            "INSERT INTO fate VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", (number, *row, *map(int, flags))
        )
        low += fate.share
        for step, (before, after) in enumerate(zip(["", *states], states, strict=False)):
            cause = fate.end if after == "failed" else "test"
            cursor.execute(
                "INSERT INTO walk VALUES (%s, %s, %s, %s, %s)", (number, step, before, after, cause)
            )
    cursor.execute(
        f"""CREATE TEMPORARY TABLE plan AS
        WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < {count})
        SELECT i, i % {workspaces} AS place, 10 + i % 41 AS cost, fate.*
        FROM number JOIN fate ON i % 100 >= low AND i % 100 < high"""
    )


def _rows(cursor: Any, author: User) -> None:
    now = timezone.now()
    key, hold, space = _uuid("i"), _uuid(f"i + {2 * FIRST_KEY}"), _uuid(f"place + {FIRST_KEY}")
    request = _text(_uuid(f"i + {3 * FIRST_KEY}"))
    wallet, number = f"place + {FIRST_KEY}", f"i + {FIRST_KEY}"
    closed = "CASE open WHEN 0 THEN {at} END"
    holds = {"id": hold, "wallet_id": wallet, "amount": "cost", "state": "hold"}
    spent = Hold(spender=author, role=Role.OWNER, month=month_of(now))
    _insert(cursor, spent, holds | {"resolved_at": closed}, "plan", now)
    clips = {"id": number, "file": f"'clips/' || {_text(key)}", "poster": f"'posters/' || {_text(key)}"}
    clip = Clip(sha256="0" * 64, size=10, width=1280, height=720, seconds=8, has_audio=True)
    _insert(cursor, clip, clips, "plan WHERE clip = 1", now)
    generation = Generation(
        author=author, input_digest="", endpoint="fal-ai/veo3.1/lite", mode="text", prompt="A lighthouse",
        input={"prompt": "A lighthouse"}, seconds=8, audio=False, usd=1, price_version="test",
        deadline_at=now + timedelta(days=1),
    )  # fmt: skip
    rows = {"id": key, "form_key": key, "workspace_id": space, "hold_id": hold, "cost": "cost"} | {
        "state": "state", "epoch": "10", "finished_at": closed, "late_free": "gift = 1",
        "wake_at": "CASE open WHEN 1 THEN {at} END", "clip_id": f"CASE clip WHEN 1 THEN {number} END",
    }  # fmt: skip
    _insert(cursor, generation, rows, "plan", now)
    walked = {"generation_id": key, "before": "earlier", "after": "later", "cause": "cause"}
    _insert(cursor, StateChange(), walked, "plan JOIN walk ON walk.fate = plan.fate ORDER BY i, step", now)
    attempts = {"id": number, "generation_id": key, "token_hash": _text(key), "state": "attempt"} | {
        "number": "1", "sent_at": "{at}", "request_id": f"CASE attempt WHEN 'accepted' THEN {request} END",
    }  # fmt: skip
    _insert(cursor, Attempt(), attempts, "plan WHERE attempt <> ''", now)
    heard = {"id": key, "attempt_id": number, "digest": _text(key), "request_id": request}
    delivery = Delivery(status="OK", body={}, processed_at=now)
    _insert(cursor, delivery, heard, "plan WHERE clip = 1", now)
    booked = {"wallet_id": wallet, "amount": "-cost", "hold_id": hold} | {
        "seq": "1 + ROW_NUMBER() OVER (PARTITION BY place ORDER BY i)",
        "balance_after": f"{FUNDS} - SUM(cost) OVER (PARTITION BY place ORDER BY i)",
        "cause_key": f"'capture:' || {_text(hold)}",
    }  # fmt: skip
    _insert(cursor, LedgerEntry(kind="capture"), booked, "plan WHERE hold = 'captured'", now)


def _balances(cursor: Any) -> None:
    cursor.execute("SELECT wallet_id, SUM(amount), COUNT(*) FROM accounts_ledgerentry GROUP BY wallet_id")
    booked = {key: (int(total), count) for key, total, count in cursor.fetchall()}
    cursor.execute("SELECT wallet_id, SUM(amount) FROM accounts_hold WHERE state = 'held' GROUP BY wallet_id")
    held = {key: int(total) for key, total in cursor.fetchall()}
    for key, (total, count) in booked.items():
        Wallet.objects.filter(pk=key).update(posted=total, seq=count, held=held.get(key, 0))


def _insert(cursor: Any, template: models.Model, columns: Mapping[str, str], source: str, now: Any) -> None:
    """Rows like `template`, with these columns as SQL; `{at}` in them is `now`."""
    names, values, parameters = [], [], []
    for field in template._meta.concrete_fields:
        column = str(field.column)
        if column in columns:
            names.append(column)
            parts = columns[column].replace("%", "%%").split("{at}")
            values.append("%s".join(parts))
            parameters += [connection.ops.adapt_datetimefield_value(now)] * (len(parts) - 1)
        elif not isinstance(field, models.AutoField):
            names.append(column)
            values.append("%s")
            parameters.append(field.get_db_prep_save(field.pre_save(template, add=True), connection))
    table, listed = template._meta.db_table, ", ".join(f'"{name}"' for name in names)
    cursor.execute(f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(values)} FROM {source}', parameters)


def _uuid(number: str) -> str:
    if connection.vendor == "postgresql":
        return f"LPAD(TO_HEX({number}), 32, '0')::uuid"
    return f"PRINTF('%032x', {number})"


def _text(expression: str) -> str:
    return f"CAST({expression} AS TEXT)"
