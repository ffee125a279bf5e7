"""The guard of ended generations looks up what it guards by key, and only when something of it changed."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

WRONG = """
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE wrong text;
    BEGIN
        SELECT g.id || ' is ' || g.state || ' while its hold is ' || h.state INTO wrong
          FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
         WHERE {key} = NEW.id
           AND h.state <> CASE
                 WHEN g.state NOT IN ('succeeded', 'failed', 'cancelled') THEN 'held'
                 WHEN g.state = 'succeeded' AND NOT g.late_free THEN 'captured'
                 ELSE 'released' END;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION '%', wrong USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
"""
# One function for each table: a condition that depends on the table's name cannot use an index.
POSTGRESQL = [
    WRONG.format(name="dailies_settled", key="g.id"),
    WRONG.format(name="dailies_settled_hold", key="g.hold_id"),
    "DROP TRIGGER generations_settled ON generations_generation",
    "DROP TRIGGER generations_settled ON accounts_hold",
    """
    CREATE CONSTRAINT TRIGGER generations_settled
    AFTER INSERT OR UPDATE OF state, late_free, hold_id ON generations_generation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dailies_settled()
    """,
    """
    CREATE CONSTRAINT TRIGGER generations_settled AFTER UPDATE OF state ON accounts_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dailies_settled_hold()
    """,
]


def guard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else ():
        editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [("generations", "0003_line_and_breaker")]

    # Backwards nothing has to be undone: the triggers keep their names and their meaning.
    operations = [migrations.RunPython(guard, migrations.RunPython.noop)]
