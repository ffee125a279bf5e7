"""The whole database as one number: equal means that nothing was written, to the byte."""

import hashlib

from django.apps import apps
from django.db import connection

# A session is the reader's own, and Django's list of tables says nothing about anybody.
LEFT_OUT = {"django_session", "django_migrations"}


def tables() -> list[str]:
    """Every table of every model, and of every relation between two."""
    listed = set(connection.introspection.table_names())
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    return sorted((listed | known) & listed - LEFT_OUT)


def digest() -> dict[str, str]:
    """A digest for each table, by one query each."""
    return {table: _of(table) for table in tables()}


def _of(table: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM \"{table}\" AS row"
            )
            return str(cursor.fetchone()[0])
        cursor.execute(f'SELECT * FROM "{table}"')
        rows = sorted(map(repr, cursor.fetchall()))
    return hashlib.sha256("|".join(rows).encode()).hexdigest()


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The tables that differ."""
    return sorted(table for table in before | after if before.get(table) != after.get(table))
