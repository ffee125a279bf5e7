"""What must always be true, and what should worry an operator: each as one SQL statement.

`ALWAYS` holds at every commit, whatever was killed in between: the tests evaluate it after every test
that had a database, and `check_invariants` on demand. `ALARMS` is about time: work that nobody does.
Plain set-based SQL on both databases (`accounts.books` says why), no index of its own.
"""

# ruff: noqa: S608 - what is put into these statements are our own words, never a value of a row
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.books import LEDGER, Violation, broken, unguarded
from generations.models import FIRST, MOVES, OPEN, TERMINAL, State
from generations.models.attempt import LIVE
from generations.timing import HOUR, MINUTE, business

__all__ = ["ALARMS", "ALWAYS", "Violation", "alarms", "violations"]


def _listed(words: Any) -> str:
    """For `IN (…)`."""
    return ", ".join(f"'{word}'" for word in sorted(words))


ENDED, WITH_CLIP = _listed(TERMINAL), _listed({State.SUBMITTED, State.STORING, State.SUCCEEDED})
BEGINNINGS = {f">{state}" for state in FIRST}
EDGES = _listed(BEGINNINGS | {f"{old}>{new}" for old, news in MOVES.items() for new in news})

# Credits and the state that decides about them.
SETTLEMENT: Mapping[str, str] = {
    "a hold belongs to a generation of its workspace": """
        SELECT h.id FROM accounts_hold h LEFT JOIN generations_generation g ON g.hold_id = h.id
        WHERE g.id IS NULL
        UNION ALL
        SELECT h.id FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
        JOIN accounts_wallet w ON w.id = h.wallet_id
        WHERE g.workspace_id <> w.workspace_id OR g.cost <> h.amount
    """,
    "a hold is one generation's": """
        SELECT hold_id FROM generations_generation WHERE hold_id IS NOT NULL
        GROUP BY hold_id HAVING COUNT(*) > 1
    """,
    "ended means settled": f"""
        SELECT g.id FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
        WHERE (g.state IN ({ENDED})) <> (h.state <> 'held')
    """,
    "succeeded means charged, or given away": """
        SELECT g.id FROM generations_generation g JOIN accounts_hold h ON h.id = g.hold_id
        WHERE (g.state = 'succeeded' AND NOT g.late_free) <> (h.state = 'captured')
    """,
    "only what awaits approval, or ended there, has no hold": """
        SELECT g.id FROM generations_generation g
        WHERE (g.hold_id IS NULL) <> NOT EXISTS (
            SELECT 1 FROM generations_statechange c WHERE c.generation_id = g.id AND c.after = 'queued')
    """,
    "a generation has a price": """
        SELECT id FROM generations_generation WHERE cost <= 0 OR price_version = ''
    """,
    "one press of the button is one order": """
        SELECT MAX(CAST(id AS TEXT)) FROM generations_generation
        GROUP BY author_id, form_key, take HAVING COUNT(*) > 1
    """,
}

# What is ours when it succeeded.
CLIPS: Mapping[str, str] = {
    "succeeded means a clip": """
        SELECT g.id FROM generations_generation g LEFT JOIN generations_clip c ON c.id = g.clip_id
        WHERE (g.state = 'succeeded') <> (c.id IS NOT NULL)
    """,
    "a clip is a file of a size with its digest": """
        SELECT id FROM generations_clip
        WHERE size <= 0 OR LENGTH(sha256) <> 64 OR file = '' OR poster = '' OR file = poster
    """,
    "a clip belongs to one generation": """
        SELECT c.id FROM generations_clip c LEFT JOIN generations_generation g ON g.clip_id = c.id
        GROUP BY c.id HAVING COUNT(g.id) <> 1
    """,
    "a file is one clip's": """
        SELECT MAX(id) FROM generations_clip GROUP BY file HAVING COUNT(*) > 1
    """,
}

# The walk from state to state.
WALK: Mapping[str, str] = {
    "an open generation will be looked at, an ended one rests": f"""
        SELECT id FROM generations_generation WHERE CASE WHEN state IN ({ENDED})
            THEN wake_at IS NOT NULL OR lease_until IS NOT NULL OR finished_at IS NULL
            ELSE wake_at IS NULL OR deadline_at IS NULL OR finished_at IS NOT NULL END
    """,
    "a state is one of ours": f"""
        SELECT id FROM generations_generation WHERE state NOT IN ({_listed(State)})
    """,
    "each change is a move of the table": f"""
        SELECT id FROM generations_statechange WHERE before || '>' || after NOT IN ({EDGES})
    """,
    "each change continues the one before": """
        SELECT id FROM (
            SELECT id, before, LAG(after, 1, '') OVER (PARTITION BY generation_id ORDER BY id) AS last
            FROM generations_statechange) walked
        WHERE before <> last
    """,
    "the last change is the state": """
        SELECT g.id FROM generations_generation g
        LEFT JOIN (SELECT generation_id, MAX(id) AS id FROM generations_statechange
                   GROUP BY generation_id) newest ON newest.generation_id = g.id
        LEFT JOIN generations_statechange c ON c.id = newest.id
        WHERE c.after IS NULL OR c.after <> g.state
    """,
    "each change has raised the epoch": """
        SELECT g.id FROM generations_generation g
        JOIN (SELECT generation_id, COUNT(*) AS changes FROM generations_statechange
              GROUP BY generation_id) c ON c.generation_id = g.id
        WHERE g.epoch < c.changes - 1
    """,
    # The causes are the reasons of `motor.deliveries.GIVEN_UP`; the late result clears the row's own.
    "only what we gave up leaves its end": """
        SELECT late.generation_id FROM generations_statechange late
        WHERE late.before = 'failed' AND NOT EXISTS (
            SELECT 1 FROM generations_statechange gave_up
            WHERE gave_up.generation_id = late.generation_id AND gave_up.after = 'failed'
              AND gave_up.id < late.id AND gave_up.cause IN ('unconfirmed', 'deadline'))
    """,
    "a gift is a success after a failure": """
        SELECT g.id FROM generations_generation g
        LEFT JOIN generations_statechange late
               ON late.generation_id = g.id AND late.before = 'failed' AND late.after = 'succeeded'
        WHERE g.late_free <> (late.id IS NOT NULL) OR (g.late_free AND g.state <> 'succeeded')
    """,
}

# What we owe fal: one paid request at most.
PAID_ONCE: Mapping[str, str] = {
    "at most one attempt may cost money": f"""
        SELECT generation_id FROM generations_attempt WHERE state IN ({_listed(LIVE)})
        GROUP BY generation_id HAVING COUNT(*) > 1
    """,
    "the attempt says what the state says": f"""
        SELECT g.id FROM generations_generation g
        LEFT JOIN generations_attempt a ON a.generation_id = g.id AND a.state IN ({_listed(LIVE)})
        WHERE (g.state = 'queued' AND a.id IS NOT NULL)
           OR (g.state = 'submitting' AND a.state IN ('accepted', 'ambiguous'))
           OR (g.state = 'ambiguous' AND COALESCE(a.state, '') <> 'ambiguous')
           OR (g.state IN ({WITH_CLIP}) AND COALESCE(a.state, '') <> 'accepted')
    """,
    "accepted means a request id": """
        SELECT id FROM generations_attempt
        WHERE (state = 'accepted') <> (request_id IS NOT NULL) OR request_id = ''
    """,
    "what was sent was written down before": """
        SELECT id FROM generations_attempt
        WHERE state IN ('sending', 'accepted', 'ambiguous') AND sent_at IS NULL
    """,
    # An attempt that fal refused may turn out accepted after a second one was refused as well.
    "an attempt follows only a refused one": """
        SELECT id FROM (
            SELECT id, number, LAG(state) OVER earlier AS last, ROW_NUMBER() OVER earlier AS place
            FROM generations_attempt WINDOW earlier AS (PARTITION BY generation_id ORDER BY number)) sent
        WHERE number <> place OR last IN ('prepared', 'sending', 'ambiguous')
    """,
    "a request belongs to one attempt": """
        SELECT request_id FROM generations_attempt WHERE request_id IS NOT NULL
        GROUP BY request_id HAVING COUNT(*) > 1
    """,
    "rows refer to what exists": """
        SELECT 'generation ' || g.id FROM generations_generation g
        LEFT JOIN accounts_hold h ON h.id = g.hold_id WHERE g.hold_id IS NOT NULL AND h.id IS NULL
        UNION ALL
        SELECT 'attempt ' || a.id FROM generations_attempt a
        LEFT JOIN generations_generation g ON g.id = a.generation_id WHERE g.id IS NULL
        UNION ALL
        SELECT 'change ' || c.id FROM generations_statechange c
        LEFT JOIN generations_generation g ON g.id = c.generation_id WHERE g.id IS NULL
        UNION ALL
        SELECT 'delivery ' || d.id FROM generations_delivery d
        LEFT JOIN generations_attempt a ON a.id = d.attempt_id WHERE a.id IS NULL
    """,
}

ALWAYS: Mapping[str, str] = {**LEDGER, **SETTLEMENT, **CLIPS, **WALK, **PAID_ONCE}

# Nobody worked while they should have; or fal took one attempt twice, which costs us money.
ALARMS: Mapping[str, str] = {
    "open past its deadline": f"""
        SELECT id FROM generations_generation
        WHERE state IN ({_listed(OPEN)}) AND deadline_at < %(overdue)s
          AND (lease_until IS NULL OR lease_until < %(overdue)s)
    """,
    "due, and nobody looks": """
        SELECT id FROM generations_generation WHERE wake_at < %(overdue)s
    """,
    "asleep until after its deadline": """
        SELECT id FROM generations_generation WHERE wake_at > %(never)s AND wake_at > deadline_at
    """,
    "leased for longer than any lease": """
        SELECT id FROM generations_generation WHERE lease_until > %(never)s
    """,
    "delivered, and nobody acted on it": """
        SELECT id FROM generations_delivery WHERE processed_at IS NULL AND received_at < %(unheard)s
    """,
    "one attempt, two requests at fal": """
        SELECT d.id FROM generations_delivery d JOIN generations_attempt a ON a.id = d.attempt_id
        WHERE d.request_id <> a.request_id
    """,
}
OVERDUE = 15 * MINUTE
UNHEARD = HOUR
# Longer than any lease of `timing`, none of which a drill shortens.
NO_LEASE = timedelta(hours=1)
# However fast a drill makes business time, a machine needs some to get round to things.
PATIENCE = timedelta(minutes=1)


def violations() -> Iterator[Violation]:
    """Every row that breaks what always holds."""
    return broken({**ALWAYS, **unguarded(connection.vendor)})


def alarms(now: datetime | None = None) -> Iterator[Violation]:
    """Every row that waits in vain. Meant for a running installation, not for a moment within a test."""
    now = now or timezone.now()
    moments = {
        "overdue": now - max(business(OVERDUE), PATIENCE),
        "unheard": now - max(business(UNHEARD), PATIENCE),
        "never": now + NO_LEASE,
    }
    as_stored = connection.ops.adapt_datetimefield_value
    return broken(ALARMS, {name: as_stored(moment) for name, moment in moments.items()})
