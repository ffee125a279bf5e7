"""Expand, then contract: the previous release keeps writing while a migration's tables are there already.

Its INSERTs do not know the new columns, so each of those is empty by itself or has a value in the database.
"""

import pytest
from django.db import connection
from django.db.migrations import AddField, AlterField, RemoveField, RenameField
from django.db.migrations.loader import MigrationLoader

from accounts.models import User, Workspace

OURS = ("accounts", "generations")
FIRST = {"0001_initial", "0002_guards"}
# What the first release had; nothing that came later may take from it before the release after next.
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def added() -> list[tuple[str, str, str]]:
    """Every column that came after the first release to one of its tables: migration, table, column."""
    loader = MigrationLoader(connection)
    found = []
    old = {model for app in OURS for model in loader.project_state((app, "0002_guards")).models}
    for (app, name), migration in loader.disk_migrations.items():
        if app in OURS and name not in FIRST:
            state = loader.project_state((app, name))
            for operation in migration.operations:
                if isinstance(operation, AddField) and (app, operation.model_name_lower) in old:
                    model = state.apps.get_model(app, operation.model_name)
                    column = model._meta.get_field(operation.name).column
                    found.append((f"{app}.{name}", model._meta.db_table, str(column)))
    return found


def must_be_given(table: str) -> set[str]:
    """The columns that an INSERT has to name, as the database itself says."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
                [table],
            )
            return {name for (name,) in cursor.fetchall()}
        cursor.execute(f"PRAGMA table_info({connection.ops.quote_name(table)})")
        return {row[1] for row in cursor.fetchall() if row[3] and row[4] is None and not row[5]}


def test_there_are_columns_to_look_at() -> None:
    columns = {(table, column) for _, table, column in added()}
    assert {("accounts_workspace", "share"), ("generations_generation", "turn_at")} <= columns
    assert "posted" in must_be_given("accounts_wallet")  # the question can be answered with yes


def test_every_later_column_is_empty_or_filled_by_the_database() -> None:
    demanding = [
        (migration, table, column) for migration, table, column in added() if column in must_be_given(table)
    ]
    assert demanding == []


def narrows(loader: MigrationLoader, app: str, name: str, operation: AlterField) -> bool:
    """Whether a change of a column could refuse what the older code writes, or give it what it cannot hold.

    Django's own words (`choices`) change nothing in the database; a column may become longer or optional.
    """
    change = loader.get_migration(app, name)
    (parent,) = [key for key in change.dependencies if key[0] == app]
    key = (operation.model_name_lower, operation.name)
    old = loader.project_state(parent).apps.get_model(app, key[0])._meta.get_field(key[1])
    new = loader.project_state((app, name)).apps.get_model(app, key[0])._meta.get_field(key[1])
    same_kind = type(old) is type(new) and old.unique == new.unique
    longer = (new.max_length or 0) >= (old.max_length or 0)
    return not (same_kind and longer and (new.null or not old.null))


def test_nothing_is_renamed_and_nothing_is_taken_away_while_it_is_in_use() -> None:
    loader = MigrationLoader(connection)
    contracting = [
        (app, name, type(operation).__name__)
        for (app, name), migration in loader.disk_migrations.items()
        if app in OURS and name not in FIRST
        for operation in migration.operations
        if isinstance(operation, RemoveField | RenameField)
        or (isinstance(operation, AlterField) and narrows(loader, app, name, operation))
    ]
    assert (
        contracting == []
    )  # a release that contracts lists what it takes here, with the release that stopped using it


def test_an_insert_of_the_first_release_still_works() -> None:
    User.objects.create_user("ada@example.com", "x")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_workspace (id, name, personal, created_at)"
            " VALUES (%s, 'Northlight', false, CURRENT_TIMESTAMP)",
            ["0" * 31 + "1"],
        )
    assert Workspace.objects.get().share == 1
