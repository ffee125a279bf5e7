"""Statements that a session plans once: the way to PostgreSQL for the few that are run all the time.

Their values travel beside them, as `$1`, `$2`, …, so that the text is always the same and psycopg prepares it
when a session first runs it. Not behind a pooler that hands sessions around (`DISABLE_SERVER_SIDE_CURSORS`):
there it is planned each time.
"""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper


def first(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row that it gives. Errors and logged queries are Django's.

    Whether the session still lives is not asked beforehand: that would be a second round trip.
    """
    # The demo with SQLite has no need of it.
    from psycopg import RawCursor  # noqa: PLC0415

    database = connections[DEFAULT_DB_ALIAS]  # Django's `connection` would look for it at each use
    database.ensure_connection()
    session = database.connection
    wrapper = CursorDebugWrapper if database.queries_logged else CursorWrapper
    # For this statement alone: psycopg would keep the texts of all others, and what is written in them.
    session.prepare_threshold = None if database.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS") else 0
    try:
        with wrapper(RawCursor(session), database) as cursor:
            cursor.execute(statement, values)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
    finally:
        session.prepare_threshold = None
