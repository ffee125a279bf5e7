"""pgbench on the product's own tables: what PostgreSQL can do at best when nothing else is in the way.

The scripts are made from the models, so they insert the same columns, under the same constraints and
triggers, as the product does.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, models

from accounts.models import Hold, User, Wallet
from benchmarks.reservation import Rows, rows_of
from benchmarks.seeding import columns, offset_of_people
from benchmarks.stage import CannotMeasure, Stage

# What a statement knows of the wallet that an earlier one has found.
HERE = "(SELECT :wallet::bigint AS id, :workspace::uuid AS workspace_id) AS guard"


@dataclass(frozen=True)
class Bench:
    """A script, ready to run on one database."""

    stage: Stage
    database: str
    script: Path
    clients: int

    def run(self, seconds: float) -> float:
        """Transactions per second, without the first second.

        pgbench connects anew for every turn and its backends begin with empty caches, while the clients
        it is compared with stay connected.
        """
        clients = ["-c", str(self.clients), "-j", str(min(self.clients, 2))]
        lasts = ["-T", str(1 + max(1, round(seconds))), "-P", "1"]
        return rate_after_warm_up(
            self.stage.command(
                "pgbench", "-n", "-M", "prepared", *clients, *lasts, "-f", str(self.script), self.database
            )
        )


def rate_after_warm_up(said: str) -> float:
    """From what pgbench reports: all it did, less what it did until its first report of progress."""
    total = int(_number(r"actually processed: ([0-9]+)", said))
    ends = total / _number(r"tps = ([0-9.]+)", said)
    begins = _number(r"progress: ([0-9.]+) s", said)
    before = begins * _number(r"progress: [0-9.]+ s, ([0-9.]+) tps", said)
    return (total - before) / (ends - begins)


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if not found:
        raise CannotMeasure(f"pgbench did not say {pattern}:\n{text}")
    return float(found[1])


def one_statement(folder: Path, hot: bool) -> Path:
    """Wallet, hold, generation, state change and audit event by a single statement, as the product does."""
    hold, generation, change, event = _samples()
    guarded = f"guard AS ({_guard(hold)} RETURNING id, workspace_id)"
    parts = [
        guarded,
        "ids AS MATERIALIZED (SELECT gen_random_uuid() AS hold, gen_random_uuid() AS generation FROM guard)",
        f"h AS ({_insert(hold, 'guard, ids', id='ids.hold', wallet_id='guard.id')})",
        f"g AS ({_insert(generation, 'guard, ids', **_of_generation('ids.generation', 'ids.hold'))})",
        f"c AS ({_insert(change, 'ids', generation_id='ids.generation')})",
        f"a AS ({_insert(event, 'guard, ids', **_of_event('ids.generation'))})",
    ]
    return _written(folder / "one.sql", hot, [f"WITH {', '.join(parts)} SELECT count(*) FROM guard;"])


def three_statements(folder: Path, hot: bool) -> Path:
    """The same rows in as few round trips as a transaction allows that must see what each of them gave."""
    hold, generation, change, event = _samples()
    made = _insert(generation, f"{HERE}, h", **_of_generation("gen_random_uuid()", "h.id"))
    noted = _insert(change, HERE, generation_id=":generation::uuid")
    lines = [
        "BEGIN;",
        f"{_guard(hold)} RETURNING workspace_id AS workspace \\gset",
        f"WITH h AS ({_held(hold)}) {made} RETURNING id AS generation \\gset",
        f"WITH c AS ({noted}) {_insert(event, HERE, **_of_event(':generation::uuid'))};",
        "COMMIT;",
    ]
    return _written(folder / "three.sql", hot, lines)


def statement_each(folder: Path, hot: bool) -> Path:
    """The same rows as anybody writes them who writes SQL: a transaction with a statement for each row."""
    hold, generation, change, event = _samples()
    made = _insert(generation, HERE, **_of_generation("gen_random_uuid()", ":hold::uuid"))
    lines = [
        "BEGIN;",
        f"{_guard(hold)} RETURNING workspace_id AS workspace \\gset",
        f"{_held(hold)} AS hold \\gset",
        f"{made} RETURNING id AS generation \\gset",
        f"{_insert(change, HERE, generation_id=':generation::uuid')};",
        f"{_insert(event, HERE, **_of_event(':generation::uuid'))};",
        "COMMIT;",
    ]
    return _written(folder / "each.sql", hot, lines)


def _held(hold: Hold) -> str:
    return _insert(hold, HERE, id="gen_random_uuid()", wallet_id="guard.id") + " RETURNING id"


def _samples() -> Rows:
    wallet, author = Wallet.objects.order_by("pk")[0], User.objects.order_by("pk")[0]
    return rows_of(wallet, author)


def _guard(hold: Hold) -> str:
    cost = hold.amount
    return f"UPDATE accounts_wallet SET held = held + {cost} WHERE id = :wallet AND posted >= held + {cost}"


def _of_generation(identifier: str, hold: str) -> dict[str, str]:
    return {
        "id": identifier,
        "hold_id": hold,
        "form_key": "gen_random_uuid()",
        "workspace_id": "guard.workspace_id",
        "author_id": f"guard.id + {offset_of_people()}",
    }


def _of_event(generation: str) -> dict[str, str]:
    return {
        "object": f"'generation:' || {generation}",
        "workspace_id": "guard.workspace_id",
        "actor_id": f"guard.id + {offset_of_people()}",
    }


def _insert(row: models.Model, source: str, **given: str) -> str:
    """Every column: an expression that is given, the present for times, else the sample's own value."""
    model = type(row)
    assert set(given) <= set(columns(model)), given
    values = [given.get(name) or _literal(row, name) for name in columns(model)]
    listed = ", ".join(f'"{name}"' for name in columns(model))
    return f'INSERT INTO "{model._meta.db_table}" ({listed}) SELECT {", ".join(values)} FROM {source}'


def _literal(row: models.Model, column: str) -> str:
    field = next(each for each in row._meta.concrete_fields if each.column == column)
    if isinstance(field, models.DateTimeField):
        return "NULL" if field.null and getattr(row, field.attname) is None else "now()"
    value = field.get_db_prep_save(getattr(row, field.attname), connection)
    kind = field.db_type(connection)
    with connection.cursor() as cursor:
        return f"{cursor.mogrify('%s', [value])}::{kind}"


def _written(script: Path, hot: bool, lines: list[str]) -> Path:
    numbers = Wallet.objects.order_by("pk").values_list("pk", flat=True)
    first = numbers[0]
    last = first if hot else first + len(numbers) - 1
    script.write_text("\n".join([f"\\set wallet random({first}, {last})", *lines]) + "\n", encoding="utf-8")
    return script
