"""How rows are made wrong, for `corruptions`: a victim, what is done to it, and how the auditor names it."""

from dataclasses import dataclass

WALLET, HOLD, ENTRY = "accounts_wallet", "accounts_hold", "accounts_ledgerentry"
GENERATION, ATTEMPT, DELIVERY = "generations_generation", "generations_attempt", "generations_delivery"
CLIP, CHANGE, BUDGET = "generations_clip", "generations_statechange", "accounts_budget"
TABLES = (WALLET, BUDGET, HOLD, ENTRY, GENERATION, ATTEMPT, DELIVERY, CLIP, CHANGE)
COPY = 50_000_000  # what is added to the key of a row to get a copy's


@dataclass(frozen=True)
class Corruption:
    """`acts` on the row whose key `victim` selects; `row` selects what the auditor names, if not that key."""

    invariant: str
    what: str
    victim: str
    acts: tuple[str, ...]
    row: str


def wrong(invariant: str, what: str, victim: str, *acts: str, row: str = "") -> Corruption:
    """One way to break an invariant."""
    return Corruption(invariant, what, victim, acts, row)


def first(table: str, where: str = "1 = 1", column: str = "id") -> str:
    """The victim: some row."""
    return f"SELECT {column} FROM {table} WHERE {where} ORDER BY {column} LIMIT 1"


def one(state: str, column: str = "id") -> str:
    """The victim: some generation in this state."""
    return first(GENERATION, f"state = '{state}' AND NOT late_free", column)


def put(table: str, change: str, column: str = "id") -> str:
    """Change the victim."""
    return f"UPDATE {table} SET {change} WHERE {column} = %(key)s"


def copied(table: str, change: str) -> tuple[str, ...]:
    """The victim once more, with a change."""
    return (
        f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} WHERE id = %(key)s",
        f"UPDATE copied SET {change}",
        f"INSERT INTO {table} SELECT * FROM copied",
    )


def deleted(table: str, column: str = "id") -> str:
    """The victim is gone."""
    return f"DELETE FROM {table} WHERE {column} = %(key)s"


_ITS_WALLET = f"(SELECT wallet_id FROM {ENTRY} WHERE id = %(key)s)"
_ITS_AMOUNT = f"(SELECT amount FROM {ENTRY} WHERE id = %(key)s)"
# For the copy of an entry: its wallet and its place in the chain of balances are right again.
BOOKED = (
    f"UPDATE {WALLET} SET seq = seq + 1, posted = posted + {_ITS_AMOUNT} WHERE id = {_ITS_WALLET}",
    (
        f"UPDATE {ENTRY} SET seq = (SELECT seq FROM {WALLET} w WHERE w.id = wallet_id)"
        f" WHERE id = %(key)s + {COPY}"
    ),
    (
        f"UPDATE {ENTRY} SET balance_after = (SELECT posted FROM {WALLET} w WHERE w.id = wallet_id)"
        f" WHERE id = %(key)s + {COPY}"
    ),
)
# For the released hold of a failure: captured, with an entry, and all sums agree.
CHARGED = (
    put(HOLD, "state = 'captured'"),
    f"CREATE TEMPORARY TABLE charged AS SELECT * FROM {HOLD} WHERE id = %(key)s",
    (
        f"UPDATE {WALLET} SET seq = seq + 1, posted = posted - (SELECT amount FROM charged)"
        " WHERE id = (SELECT wallet_id FROM charged)"
    ),
    (
        f"INSERT INTO {ENTRY} (id, wallet_id, seq, at, kind, amount, balance_after, hold_id, cause_key,"
        f" reason) SELECT {COPY}, w.id, w.seq, charged.created_at, 'capture', -amount, w.posted, charged.id,"
        " 'capture:' || CAST(charged.id AS TEXT), ''"
        f" FROM charged JOIN {WALLET} w ON w.id = charged.wallet_id"
    ),
)
