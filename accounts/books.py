"""What must always be true of credits, each as one SQL statement that selects the rows where it is not.

Plain set-based SQL that both databases take: a mistake in a model cannot hide from it, and it stays
quick on millions of entries. It also finds what the schema forbids, because constraints and triggers
can be dropped, disabled or lost in a restore, and SQLite's own shell ignores foreign keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Violation:
    """A row that breaks an invariant."""

    invariant: str
    row: str


LEDGER: Mapping[str, str] = {
    "posted is the sum of the ledger": """
        SELECT w.id FROM accounts_wallet w
        LEFT JOIN (SELECT wallet_id, SUM(amount) AS total FROM accounts_ledgerentry GROUP BY wallet_id) e
               ON e.wallet_id = w.id
        WHERE w.posted <> COALESCE(e.total, 0)
    """,
    "held is the sum of open holds": """
        SELECT w.id FROM accounts_wallet w
        LEFT JOIN (SELECT wallet_id, SUM(amount) AS total FROM accounts_hold WHERE state = 'held'
                   GROUP BY wallet_id) h ON h.wallet_id = w.id
        WHERE w.held <> COALESCE(h.total, 0)
    """,
    "nothing is overdrawn": "SELECT id FROM accounts_wallet WHERE held < 0 OR posted < held",
    # Wallet by wallet it follows from the first; this finds entries that are no wallet's any more.
    "credits are conserved": """
        SELECT 'all wallets' FROM (SELECT COALESCE(SUM(posted), 0) AS total FROM accounts_wallet) w,
                                  (SELECT COALESCE(SUM(amount), 0) AS total FROM accounts_ledgerentry) e
        WHERE w.total <> e.total
    """,
    "the ledger has no gap": """
        SELECT w.id FROM accounts_wallet w
        LEFT JOIN (SELECT wallet_id, COUNT(*) AS entries, MIN(seq) AS first, MAX(seq) AS last
                   FROM accounts_ledgerentry GROUP BY wallet_id) e ON e.wallet_id = w.id
        WHERE w.seq <> COALESCE(e.entries, 0) OR w.seq <> COALESCE(e.last, 0) OR e.first <> 1
    """,
    "each entry continues the balance": """
        SELECT id FROM (
            SELECT id, amount, balance_after,
                   LAG(balance_after, 1, 0) OVER (PARTITION BY wallet_id ORDER BY seq) AS before
            FROM accounts_ledgerentry) chained
        WHERE before + amount <> balance_after OR balance_after < 0
    """,
    "an entry is of a kind and has what its kind needs": """
        SELECT id FROM accounts_ledgerentry WHERE amount <> CAST(amount AS BIGINT) OR NOT CASE kind
            WHEN 'grant' THEN amount > 0 AND hold_id IS NULL AND corrects_id IS NULL
            WHEN 'capture' THEN amount < 0 AND hold_id IS NOT NULL AND corrects_id IS NULL
            WHEN 'refund' THEN amount > 0 AND hold_id IS NULL AND corrects_id IS NOT NULL
            WHEN 'adjust' THEN amount <> 0 AND hold_id IS NULL AND corrects_id IS NULL AND reason <> ''
            ELSE 1 = 0 END
    """,
    # SQLite keeps a uuid without its hyphens.
    "an entry names its cause": """
        SELECT id FROM accounts_ledgerentry
        WHERE cause_key NOT LIKE kind || ':_%'
           OR (kind = 'capture' AND REPLACE(cause_key, '-', '')
                                 <> 'capture:' || REPLACE(CAST(hold_id AS TEXT), '-', ''))
           OR (kind = 'refund' AND cause_key <> 'refund:' || CAST(corrects_id AS TEXT))
    """,
    "a cause is booked once": """
        SELECT MAX(id) FROM accounts_ledgerentry GROUP BY cause_key HAVING COUNT(*) > 1
    """,
    "a hold is an amount, open or resolved at a time": """
        SELECT id FROM accounts_hold
        WHERE amount <= 0 OR amount <> CAST(amount AS BIGINT) OR NOT CASE state
            WHEN 'held' THEN resolved_at IS NULL
            WHEN 'captured' THEN resolved_at IS NOT NULL
            WHEN 'released' THEN resolved_at IS NOT NULL
            ELSE 1 = 0 END
    """,
    "a captured hold has an entry of its amount in its wallet": """
        SELECT h.id FROM accounts_hold h LEFT JOIN accounts_ledgerentry e ON e.hold_id = h.id
        WHERE (h.state = 'captured') <> (e.id IS NOT NULL) OR e.amount <> -h.amount
           OR e.wallet_id <> h.wallet_id
    """,
    "a hold is charged once": """
        SELECT hold_id FROM accounts_ledgerentry WHERE hold_id IS NOT NULL
        GROUP BY hold_id HAVING COUNT(*) > 1
    """,
    "a refund gives back what was charged": """
        SELECT r.id FROM accounts_ledgerentry r JOIN accounts_ledgerentry c ON c.id = r.corrects_id
        WHERE r.amount <> -c.amount OR r.wallet_id <> c.wallet_id OR c.kind <> 'capture'
    """,
    "a charge is given back once": """
        SELECT corrects_id FROM accounts_ledgerentry WHERE corrects_id IS NOT NULL
        GROUP BY corrects_id HAVING COUNT(*) > 1
    """,
    "entries and holds refer to what exists": """
        SELECT 'entry ' || e.id FROM accounts_ledgerentry e
        LEFT JOIN accounts_wallet w ON w.id = e.wallet_id
        LEFT JOIN accounts_hold h ON h.id = e.hold_id
        LEFT JOIN accounts_ledgerentry c ON c.id = e.corrects_id
        WHERE w.id IS NULL OR (e.hold_id IS NOT NULL AND h.id IS NULL)
           OR (e.corrects_id IS NOT NULL AND c.id IS NULL)
        UNION ALL
        SELECT 'hold ' || h.id FROM accounts_hold h LEFT JOIN accounts_wallet w ON w.id = h.wallet_id
        WHERE w.id IS NULL
        UNION ALL
        SELECT 'wallet ' || w.id FROM accounts_wallet w
        LEFT JOIN accounts_workspace s ON s.id = w.workspace_id WHERE s.id IS NULL
    """,
    # What was refunded or released was given back; what an older month holds is no longer counted.
    "a budget counts what its holds say": """
        SELECT b.id FROM accounts_budget b LEFT JOIN (
            SELECT b.id, SUM(h.amount) AS total FROM accounts_budget b
            JOIN accounts_wallet w ON w.workspace_id = b.workspace_id
            JOIN accounts_hold h ON h.wallet_id = w.id AND h.month = b.month AND h.state <> 'released'
             AND (b.member_id IS NULL OR b.member_id = h.spender_id) AND (b.role = '' OR b.role = h.role)
             AND (b.token_id IS NULL OR b.token_id = h.token_id) AND (b.tier = '' OR b.tier = h.tier)
             AND (b.resolution = '' OR b.resolution = h.resolution)
            LEFT JOIN accounts_ledgerentry e ON e.hold_id = h.id
            LEFT JOIN accounts_ledgerentry r ON r.corrects_id = e.id
            WHERE r.id IS NULL GROUP BY b.id) spent ON spent.id = b.id
        WHERE b.used <> COALESCE(spent.total, 0)
    """,
    "a wallet knows that its workspace has a budget": """
        SELECT w.id FROM accounts_wallet w WHERE NOT w.budgeted
           AND EXISTS (SELECT 1 FROM accounts_budget b WHERE b.workspace_id = w.workspace_id)
    """,
}

# The triggers of the migrations, by database: table and name.
EVIDENCE = ("accounts_ledgerentry", "accounts_auditevent", "generations_statechange")
GUARDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "postgresql": (
        *((table, f"{table}_{act}") for table in EVIDENCE for act in ("append_only", "no_truncate")),
        ("accounts_hold", "accounts_hold_once"),
        ("accounts_hold", "generations_settled"),
        ("generations_generation", "generations_settled"),
    ),
    "sqlite": (
        *((table, f"{table}_no_{act}") for table in EVIDENCE for act in ("update", "delete")),
        ("accounts_hold", "accounts_hold_once"),
        ("generations_generation", "generations_settled"),
    ),
}
IN_FORCE = {
    # Neither disabled nor, with `replica`, only firing for replicated changes.
    "postgresql": """
        SELECT tgname AS name, relname AS tbl_name FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE tgenabled IN ('O', 'A') AND pg_table_is_visible(pg_class.oid)
    """,
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
}


def unguarded(vendor: str) -> dict[str, str]:
    """The statement that finds triggers that are not in force."""
    expected = ", ".join(f"('{table}', '{name}')" for table, name in GUARDS[vendor])
    return {
        "the database guards its evidence": f"""
            WITH expected(guarded, guard) AS (VALUES {expected})
            SELECT guard || ' on ' || guarded FROM expected
            LEFT JOIN ({IN_FORCE[vendor]}) t ON t.name = guard AND t.tbl_name = guarded
            WHERE t.name IS NULL
        """  # noqa: S608 - our own names
    }


def broken(statements: Mapping[str, str], parameters: Mapping[str, Any] | None = None) -> Iterator[Violation]:
    """Every row that these statements select."""
    with connection.cursor() as cursor:
        for invariant, statement in statements.items():
            cursor.execute(statement, parameters)
            for (row,) in cursor.fetchall():
                yield Violation(invariant, str(row))
