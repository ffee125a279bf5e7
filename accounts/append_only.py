"""Triggers that refuse UPDATE, DELETE and TRUNCATE on evidence, for both databases.

Used by migrations; code that forgets the rule, a console or the admin meet the database's refusal.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

FUNCTION = """
CREATE OR REPLACE FUNCTION dailies_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def statements(vendor: str, table: str) -> list[str]:
    """The statements that guard `table` on `vendor`."""
    if vendor == "postgresql":
        return [
            FUNCTION,
            f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON "{table}"
                FOR EACH ROW EXECUTE FUNCTION dailies_append_only()""",
            f"""CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON "{table}"
                FOR EACH STATEMENT EXECUTE FUNCTION dailies_append_only()""",
        ]
    return [
        f'CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON "{table}" '
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for act in ("UPDATE", "DELETE")
    ]


def removals(vendor: str, table: str) -> list[str]:
    """The statements that take the guard of `table` away again."""
    if vendor == "postgresql":
        return [f'DROP TRIGGER {table}_{name} ON "{table}"' for name in ("append_only", "no_truncate")]
    return [f"DROP TRIGGER {table}_no_{act}" for act in ("update", "delete")]


def append_only(table: str) -> migrations.RunPython:
    """A migration step that makes `table` append-only."""

    def guard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in statements(editor.connection.vendor, table):
            editor.execute(statement, None)

    def unguard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in removals(editor.connection.vendor, table):
            editor.execute(statement, None)

    return migrations.RunPython(guard, unguard)


def triggers_aside() -> tuple[migrations.RunPython, migrations.RunPython]:
    """The first and the last step of a migration that changes tables which triggers are about.

    SQLite makes a table anew to change it. The triggers of the old one go with it, and while it is away no
    table can be renamed, because the triggers of other tables that look into it are broken.
    """
    kept: dict[str, str] = {}

    def take(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor != "sqlite":
            return
        with editor.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            kept.update(cursor.fetchall())
        for name in kept:
            editor.execute(f"DROP TRIGGER {editor.quote_name(name)}", None)

    def put_back(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in kept.values():
            editor.execute(statement, None)
        kept.clear()

    return migrations.RunPython(take, put_back), migrations.RunPython(put_back, take)
