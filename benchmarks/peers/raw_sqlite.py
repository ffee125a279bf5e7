"""The same rows by Python's own sqlite3 and hand-written statements: the best that SQLite can do."""

import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

from django.db import connection, models

from benchmarks.reservation import rows_of, somebody
from benchmarks.seeding import columns


def reserve(hot: bool) -> Callable[[], bool]:
    """One IMMEDIATE transaction: the wallet, then a row for each of the four tables."""
    wallet, author = next(somebody(hot))
    hold, generation, change, event = rows_of(wallet, author)
    hold.wallet = wallet
    inserts = [(_insert(row), _values(row)) for row in (hold, generation, change, event)]
    database = sqlite3.connect(connection.settings_dict["NAME"], timeout=20, isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
    guard = "UPDATE accounts_wallet SET held = held + ? WHERE id = ? AND posted >= held + ?"
    asked = (hold.amount, wallet.pk, hold.amount)

    def act() -> bool:
        fresh = {hold.pk.hex: uuid.uuid4().hex, generation.pk.hex: uuid.uuid4().hex}
        fresh[generation.form_key.hex] = uuid.uuid4().hex
        database.execute("BEGIN IMMEDIATE")
        if not database.execute(guard, asked).rowcount:
            database.execute("ROLLBACK")
            return False
        for statement, values in inserts:
            database.execute(statement, [fresh.get(value, value) for value in values])
        database.execute("COMMIT")
        return True

    return act


def _insert(row: models.Model) -> str:
    names = columns(type(row))
    listed = ", ".join(f'"{name}"' for name in names)
    return f'INSERT INTO "{row._meta.db_table}" ({listed}) VALUES ({", ".join("?" * len(names))})'


def _values(row: models.Model) -> list[Any]:
    """As the product stores them."""
    by_column = {field.column: field for field in row._meta.concrete_fields}
    found = []
    for name in columns(type(row)):
        field = by_column[name]
        found.append(field.get_db_prep_save(field.pre_save(row, add=True), connection))
    return found
