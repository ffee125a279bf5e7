"""The database refuses an ended generation whose credits are not settled accordingly."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from accounts.append_only import append_only

# Deferred: within one transaction the order of writes is free, at its end both sides must agree.
POSTGRESQL = [
    """
    CREATE FUNCTION dailies_settled() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE wrong text;
    BEGIN
        SELECT g.id || ' is ' || g.state || ' while its hold is ' || h.state INTO wrong
          FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
         WHERE (CASE TG_TABLE_NAME WHEN 'accounts_hold' THEN g.hold_id ELSE g.id END) = NEW.id
           AND h.state <> CASE
                 WHEN g.state NOT IN ('succeeded', 'failed', 'cancelled') THEN 'held'
                 WHEN g.state = 'succeeded' AND NOT g.late_free THEN 'captured'
                 ELSE 'released' END;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION '%', wrong USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER generations_settled AFTER INSERT OR UPDATE ON generations_generation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dailies_settled()
    """,
    """
    CREATE CONSTRAINT TRIGGER generations_settled AFTER UPDATE ON accounts_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dailies_settled()
    """,
]
# SQLite has no deferred trigger: the hold is resolved first, then this lets the state follow.
SQLITE = [
    """
    CREATE TRIGGER generations_settled BEFORE UPDATE OF state ON generations_generation
    WHEN (SELECT state FROM accounts_hold WHERE id = NEW.hold_id) <> CASE
            WHEN NEW.state NOT IN ('succeeded', 'failed', 'cancelled') THEN 'held'
            WHEN NEW.state = 'succeeded' AND NOT NEW.late_free THEN 'captured'
            ELSE 'released' END
    BEGIN SELECT RAISE(ABORT, 'the state and the hold of this generation disagree'); END
    """,
]


def guard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, None)


def unguard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER generations_settled ON generations_generation")
        editor.execute("DROP TRIGGER generations_settled ON accounts_hold")
        editor.execute("DROP FUNCTION dailies_settled")
    else:
        editor.execute("DROP TRIGGER generations_settled")


class Migration(migrations.Migration):
    dependencies = [("generations", "0001_initial"), ("accounts", "0002_guards")]

    operations = [
        append_only("generations_statechange"),
        migrations.RunPython(guard, unguard),
    ]
