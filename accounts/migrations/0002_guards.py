"""The database itself keeps evidence unchanged and lets a hold be resolved once."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from accounts.append_only import append_only

POSTGRESQL = [
    """
    CREATE FUNCTION dailies_hold_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'this hold was resolved before' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE TRIGGER accounts_hold_once BEFORE UPDATE ON accounts_hold FOR EACH ROW
    WHEN (OLD.state <> 'held' OR NEW.amount <> OLD.amount) EXECUTE FUNCTION dailies_hold_once()
    """,
]
SQLITE = [
    """
    CREATE TRIGGER accounts_hold_once BEFORE UPDATE ON accounts_hold
    WHEN OLD.state <> 'held' OR NEW.amount <> OLD.amount
    BEGIN SELECT RAISE(ABORT, 'this hold was resolved before'); END
    """,
]


def guard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, None)


def unguard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    on = " ON accounts_hold" if editor.connection.vendor == "postgresql" else ""
    editor.execute(f"DROP TRIGGER accounts_hold_once{on}")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        append_only("accounts_ledgerentry"),
        append_only("accounts_auditevent"),
        migrations.RunPython(guard, unguard),
    ]
