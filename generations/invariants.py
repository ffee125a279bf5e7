"""What must always be true, each as one SQL statement that selects the rows where it is not.

The same statements serve the auditor command, the check after every test that touches money, and an
operator who wants to know. Plain SQL, so that a mistake in a model cannot hide from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Violation:
    """A row that breaks an invariant."""

    invariant: str
    row: str


INVARIANTS: dict[str, str] = {
    "posted is the sum of the ledger": """
        SELECT w.id FROM accounts_wallet w
        WHERE w.posted <> (SELECT COALESCE(SUM(e.amount), 0) FROM accounts_ledgerentry e
                           WHERE e.wallet_id = w.id)
    """,
    "held is the sum of open holds": """
        SELECT w.id FROM accounts_wallet w
        WHERE w.held <> (SELECT COALESCE(SUM(h.amount), 0) FROM accounts_hold h
                         WHERE h.wallet_id = w.id AND h.state = 'held')
    """,
    "nothing is overdrawn": "SELECT id FROM accounts_wallet WHERE held < 0 OR posted < held",
    "the ledger has no gap": """
        SELECT w.id FROM accounts_wallet w
        WHERE w.seq <> (SELECT COUNT(*) FROM accounts_ledgerentry e WHERE e.wallet_id = w.id)
           OR w.seq <> (SELECT COALESCE(MAX(e.seq), 0) FROM accounts_ledgerentry e WHERE e.wallet_id = w.id)
    """,
    "each entry continues the balance": """
        SELECT id FROM (
            SELECT id, amount, balance_after,
                   LAG(balance_after, 1, 0) OVER (PARTITION BY wallet_id ORDER BY seq) AS before
            FROM accounts_ledgerentry) AS chained
        WHERE before + amount <> balance_after
    """,
    "a captured hold has one entry of its amount": """
        SELECT h.id FROM accounts_hold h LEFT JOIN accounts_ledgerentry e ON e.hold_id = h.id
        WHERE (h.state = 'captured') <> (e.id IS NOT NULL) OR e.amount <> -h.amount
    """,
    "a refund gives back what was charged": """
        SELECT r.id FROM accounts_ledgerentry r JOIN accounts_ledgerentry c ON c.id = r.corrects_id
        WHERE r.amount <> -c.amount OR r.wallet_id <> c.wallet_id
    """,
    "a hold belongs to a generation of its workspace": """
        SELECT h.id FROM accounts_hold h JOIN accounts_wallet w ON w.id = h.wallet_id
        LEFT JOIN generations_generation g ON g.hold_id = h.id
        WHERE g.id IS NULL OR g.workspace_id <> w.workspace_id OR g.cost <> h.amount
    """,
    "ended means settled": """
        SELECT g.id FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
        WHERE (g.state IN ('succeeded', 'failed', 'cancelled')) <> (h.state <> 'held')
    """,
    "succeeded means charged, or given away": """
        SELECT g.id FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
        WHERE (g.state = 'succeeded' AND NOT g.late_free) <> (h.state = 'captured')
    """,
    "succeeded means a clip": """
        SELECT g.id FROM generations_generation g LEFT JOIN generations_clip c ON c.id = g.clip_id
        WHERE (g.state = 'succeeded') <> (c.id IS NOT NULL) OR c.size <= 0
    """,
    "an open generation will be looked at": """
        SELECT id FROM generations_generation
        WHERE (state IN ('succeeded', 'failed', 'cancelled')) <> (wake_at IS NULL)
    """,
    "at most one attempt may cost money": """
        SELECT generation_id FROM generations_attempt
        WHERE state IN ('prepared', 'sending', 'accepted', 'ambiguous')
        GROUP BY generation_id HAVING COUNT(*) > 1
    """,
    "what is with fal has a request": """
        SELECT g.id FROM generations_generation g
        WHERE g.state IN ('submitted', 'storing', 'succeeded') AND NOT EXISTS (
            SELECT 1 FROM generations_attempt a
            WHERE a.generation_id = g.id AND a.state = 'accepted' AND a.request_id IS NOT NULL)
    """,
    "the last change is the state": """
        SELECT g.id FROM generations_generation g WHERE g.state <> (
            SELECT c.after FROM generations_statechange c
            WHERE c.generation_id = g.id ORDER BY c.id DESC LIMIT 1)
    """,
}


def violations() -> Iterator[Violation]:
    """Every row that breaks an invariant."""
    with connection.cursor() as cursor:
        for invariant, statement in INVARIANTS.items():
            cursor.execute(statement)
            for (row,) in cursor.fetchall():
                yield Violation(invariant, str(row))
