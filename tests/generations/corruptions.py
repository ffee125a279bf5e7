"""Ways in which rows may be wrong, each with the invariant that finds it: data for `test_invariants`.

They are done to copies of the tables without constraints, triggers or foreign keys, as after a careless
restore: what the schema forbids is just what the auditor must not rely on.
"""

from tests.generations.tampering import (
    ATTEMPT,
    BOOKED,
    BUDGET,
    CHANGE,
    CHARGED,
    CLIP,
    COPY,
    DELIVERY,
    ENTRY,
    GENERATION,
    HOLD,
    WALLET,
    copied,
    deleted,
    first,
    one,
    put,
    wrong,
)

A_WALLET = first(WALLET, "posted > 0")
A_CHARGE, A_REFUND = first(ENTRY, "kind = 'capture' AND seq = 5"), first(ENTRY, "kind = 'refund'")
AN_OPEN_HOLD, A_CHARGED_HOLD = first(HOLD, "state = 'held'"), first(HOLD, "state = 'captured'")
A_FREE_HOLD = first(HOLD, "state = 'released'")
A_GIFT, AN_ACCEPTED = first(GENERATION, "late_free"), first(ATTEMPT, "state = 'accepted'")
A_CLIP, A_DELIVERY = first(CLIP), first(DELIVERY)
THE_COPY = f"SELECT %(key)s + {COPY}"
ENTRY_SHAPE = "an entry is of a kind and has what its kind needs"
HOLD_SHAPE = "a hold is an amount, open or resolved at a time"
COUNTS = "a budget counts what its holds say"
BOOKED_HOLD = "a captured hold has an entry of its amount in its wallet"
ITS_HOLD = f"SELECT hold_id FROM {GENERATION} WHERE id = %(key)s"
ITS_GENERATION = f"SELECT generation_id FROM {ATTEMPT} WHERE id = %(key)s"
RESTS = "an open generation will be looked at, an ended one rests"
REFER = "rows refer to what exists"
EXISTS = "entries and holds refer to what exists"

MONEY = (
    wrong(
        "posted is the sum of the ledger", "an edited balance", A_WALLET, put(WALLET, "posted = posted + 5")
    ),
    wrong(
        "posted is the sum of the ledger",
        "a deleted entry",
        A_WALLET,
        f"DELETE FROM {ENTRY} WHERE seq = 5 AND wallet_id = %(key)s",
    ),
    wrong(
        "held is the sum of open holds", "an edited sum of holds", A_WALLET, put(WALLET, "held = held + 1")
    ),
    wrong("nothing is overdrawn", "an overdraft", A_WALLET, put(WALLET, "held = posted + 1")),
    wrong("nothing is overdrawn", "a negative sum of holds", A_WALLET, put(WALLET, "held = -1")),
    wrong("credits are conserved", "a deleted wallet", A_WALLET, deleted(WALLET), row="SELECT 'all wallets'"),
    wrong(
        "the ledger has no gap",
        "a skipped number",
        A_WALLET,
        f"UPDATE {ENTRY} SET seq = seq + 1 WHERE seq > 4 AND wallet_id = %(key)s",
    ),
    wrong(
        "each entry continues the balance", "twice the amount", A_CHARGE, put(ENTRY, "amount = 2 * amount")
    ),
    wrong("each entry continues the balance", "a false balance", A_CHARGE, put(ENTRY, "balance_after = 7")),
    wrong(ENTRY_SHAPE, "a charge without a hold", A_CHARGE, put(ENTRY, "hold_id = NULL")),
    wrong(ENTRY_SHAPE, "a kind nobody knows", A_CHARGE, put(ENTRY, "kind = 'tip'")),
    wrong("an entry names its cause", "another cause", A_CHARGE, put(ENTRY, "cause_key = 'capture:x'")),
    wrong(
        "an entry names its cause", "no cause", first(ENTRY, "seq = 1"), put(ENTRY, "cause_key = 'grant:'")
    ),
    wrong(
        "a cause is booked once",
        "a grant twice",
        first(ENTRY, "seq = 1"),
        *copied(ENTRY, f"id = id + {COPY}"),
        *BOOKED,
        row=THE_COPY,
    ),
    wrong(HOLD_SHAPE, "released at no time", A_FREE_HOLD, put(HOLD, "resolved_at = NULL")),
    wrong(HOLD_SHAPE, "a hold of nothing", A_FREE_HOLD, put(HOLD, "amount = 0")),
    wrong(HOLD_SHAPE, "half a hold", A_FREE_HOLD, put(HOLD, "state = 'half'")),
    wrong(BOOKED_HOLD, "a charge that was not booked", AN_OPEN_HOLD, put(HOLD, "state = 'captured'")),
    wrong(BOOKED_HOLD, "a wrong amount", A_CHARGED_HOLD, put(HOLD, "amount = amount + 1")),
    wrong(
        "a hold is charged once",
        "a double capture",
        A_CHARGE,
        *copied(ENTRY, f"id = id + {COPY}, cause_key = 'capture:again'"),
        *BOOKED,
        row=f"SELECT hold_id FROM {ENTRY} WHERE id = %(key)s",
    ),
    wrong(
        "a refund gives back what was charged",
        "a refund bigger than its charge",
        A_REFUND,
        put(ENTRY, "amount = amount + 1"),
    ),
    wrong(
        "a refund gives back what was charged", "a refunded refund", A_REFUND, put(ENTRY, "corrects_id = id")
    ),
    wrong(
        "a charge is given back once",
        "a second refund",
        A_REFUND,
        *copied(ENTRY, f"id = id + {COPY}, cause_key = 'refund:again'"),
        *BOOKED,
        row=f"SELECT corrects_id FROM {ENTRY} WHERE id = %(key)s",
    ),
    wrong(
        EXISTS,
        "a hold of no wallet",
        A_CHARGED_HOLD,
        put(HOLD, "wallet_id = 7"),
        row="SELECT 'hold ' || %(key)s",
    ),
    wrong(
        EXISTS,
        "an entry of no wallet",
        A_CHARGE,
        put(ENTRY, "wallet_id = 7"),
        row="SELECT 'entry ' || %(key)s",
    ),
    wrong(
        "a hold belongs to a generation of its workspace",
        "an orphan hold",
        one("failed", "hold_id"),
        deleted(GENERATION, "hold_id"),
    ),
    wrong(
        "a hold belongs to a generation of its workspace",
        "a wrong price",
        one("failed", "hold_id"),
        put(GENERATION, "cost = cost + 1", "hold_id"),
    ),
    wrong(
        "a hold is one generation's",
        "two generations on a hold",
        A_FREE_HOLD,
        f"UPDATE {GENERATION} SET hold_id = %(key)s WHERE id = ({one('cancelled')})",
    ),
    wrong(
        "ended means settled", "an end with an open hold", one("queued"), put(GENERATION, "state = 'failed'")
    ),
    wrong(
        "ended means settled",
        "a released hold of an open generation",
        one("storing"),
        f"UPDATE {HOLD} SET state = 'released' WHERE id = ({ITS_HOLD})",
    ),
    wrong(
        "succeeded means charged, or given away",
        "a charged failure",
        one("failed", "hold_id"),
        *CHARGED,
        row=one("failed"),
    ),
    wrong(
        "succeeded means charged, or given away",
        "a charged gift",
        one("succeeded"),
        put(GENERATION, "late_free = NOT late_free"),
    ),
    wrong(
        "only what awaits approval, or ended there, has no hold",
        "a hold that its generation has forgotten",
        first(GENERATION, "state = 'succeeded' AND NOT late_free"),
        put(GENERATION, "hold_id = NULL"),
    ),
    wrong(COUNTS, "an edited budget", first(BUDGET, "used > 0"), put(BUDGET, "used = used + 1")),
    wrong(COUNTS, "a budget that forgot", first(BUDGET, "used > 0"), put(BUDGET, "used = 0")),
    wrong(
        COUNTS,
        "a hold of another month",
        first(HOLD, "month IS NOT NULL AND state = 'held'"),
        put(HOLD, "month = '2020-01-01'"),
        row=f"SELECT b.id FROM {BUDGET} b JOIN {WALLET} w ON w.workspace_id = b.workspace_id"
        f" JOIN {HOLD} h ON h.wallet_id = w.id WHERE h.id = %(key)s",
    ),
    wrong(
        "a wallet knows that its workspace has a budget",
        "a budget that nobody asks",
        first(WALLET, "budgeted"),
        put(WALLET, "budgeted = false"),
    ),
    wrong("a generation has a price", "no price list", one("queued"), put(GENERATION, "price_version = ''")),
    wrong(
        "one press of the button is one order",
        "a press twice",
        one("queued"),
        f"UPDATE {GENERATION} SET form_key = (SELECT form_key FROM {GENERATION} WHERE id = %(key)s)",
        row=f"SELECT MAX(CAST(id AS TEXT)) FROM {GENERATION}",
    ),
)

LIFE = (
    wrong(
        "succeeded means a clip",
        "a missing clip",
        one("succeeded"),
        f"DELETE FROM {CLIP} WHERE id = (SELECT clip_id FROM {GENERATION} WHERE id = %(key)s)",
    ),
    wrong("a clip is a file of a size with its digest", "an empty clip", A_CLIP, put(CLIP, "size = 0")),
    wrong("a clip is a file of a size with its digest", "no digest", A_CLIP, put(CLIP, "sha256 = ''")),
    wrong(
        "a clip belongs to one generation",
        "nobody's clip",
        A_CLIP,
        *copied(CLIP, f"id = id + {COPY}, file = 'other'"),
        row=THE_COPY,
    ),
    wrong("a file is one clip's", "a file of two", A_CLIP, *copied(CLIP, f"id = id + {COPY}"), row=THE_COPY),
    wrong(RESTS, "an open row without a wake", one("submitted"), put(GENERATION, "wake_at = NULL")),
    wrong(RESTS, "an end that is awake", one("failed"), put(GENERATION, "wake_at = deadline_at")),
    wrong(RESTS, "an end with a lease", one("failed"), put(GENERATION, "lease_until = deadline_at")),
    wrong(RESTS, "an end at no time", one("cancelled"), put(GENERATION, "finished_at = NULL")),
    wrong(
        "a state is one of ours", "a state nobody knows", one("queued"), put(GENERATION, "state = 'paused'")
    ),
    wrong(
        "each change is a move of the table",
        "a jump",
        first(CHANGE, "after = 'submitting'"),
        put(CHANGE, "after = 'storing'"),
    ),
    wrong(
        "each change is a move of the table",
        "born in the middle",
        first(CHANGE, "before = ''"),
        put(CHANGE, "after = 'storing'"),
    ),
    wrong(
        "each change continues the one before",
        "a deleted change",
        first(CHANGE, "before = 'submitted' AND after = 'storing'"),
        f"DELETE FROM {CHANGE} WHERE id = %(key)s - 1",
    ),
    wrong(
        "the last change is the state",
        "a state without a change",
        one("submitted"),
        put(GENERATION, "state = 'storing'"),
    ),
    wrong(
        "the last change is the state",
        "a generation without changes",
        one("queued"),
        deleted(CHANGE, "generation_id"),
    ),
    wrong(
        "each change has raised the epoch",
        "an epoch set back",
        one("succeeded"),
        put(GENERATION, "epoch = 1"),
    ),
    wrong(
        "only what we gave up leaves its end",
        "a certain end that was left",
        A_GIFT,
        f"UPDATE {CHANGE} SET cause = 'refused by fal' WHERE after = 'failed' AND generation_id = %(key)s",
    ),
    wrong(
        "a gift is a success after a failure",
        "a success called a gift",
        one("succeeded"),
        put(GENERATION, "late_free = NOT late_free"),
    ),
    wrong(
        "a gift is a success after a failure",
        "a gift not called one",
        A_GIFT,
        put(GENERATION, "late_free = NOT late_free"),
    ),
    wrong(
        "at most one attempt may cost money",
        "two live attempts",
        AN_ACCEPTED,
        *copied(ATTEMPT, f"id = id + {COPY}, number = 2, request_id = 'other', state = 'sending'"),
        row=ITS_GENERATION,
    ),
    wrong(
        "the attempt says what the state says",
        "queued while fal has it",
        one("queued"),
        f"UPDATE {ATTEMPT} SET generation_id = %(key)s WHERE id = ({AN_ACCEPTED})",
    ),
    wrong(
        "the attempt says what the state says",
        "submitted without an attempt",
        one("submitted"),
        deleted(ATTEMPT, "generation_id"),
    ),
    wrong(
        "the attempt says what the state says",
        "a success of nothing",
        one("succeeded"),
        put(ATTEMPT, "state = 'rejected'", "generation_id"),
    ),
    wrong(
        "the attempt says what the state says",
        "a doubt that was sent again",
        one("ambiguous"),
        put(ATTEMPT, "state = 'sending'", "generation_id"),
    ),
    wrong(
        "accepted means a request id",
        "accepted without a request",
        AN_ACCEPTED,
        put(ATTEMPT, "request_id = NULL"),
    ),
    wrong(
        "what was sent was written down before",
        "sent at no time",
        AN_ACCEPTED,
        put(ATTEMPT, "sent_at = NULL"),
    ),
    wrong(
        "an attempt follows only a refused one",
        "a second try after a doubt",
        first(ATTEMPT, "state = 'ambiguous'"),
        *copied(ATTEMPT, f"id = id + {COPY}, number = 2, state = 'rejected'"),
        row=THE_COPY,
    ),
    wrong("an attempt follows only a refused one", "a lost attempt", AN_ACCEPTED, put(ATTEMPT, "number = 2")),
    wrong(
        "a request belongs to one attempt",
        "a request on two attempts",
        first(ATTEMPT, "state = 'accepted'", "request_id"),
        f"UPDATE {ATTEMPT} SET request_id = %(key)s WHERE state = 'accepted'",
    ),
    wrong(
        REFER,
        "a deleted generation",
        AN_ACCEPTED,
        f"DELETE FROM {GENERATION} WHERE id = ({ITS_GENERATION})",
        row="SELECT 'attempt ' || %(key)s",
    ),
    wrong(
        REFER,
        "a deleted hold",
        one("queued"),
        f"DELETE FROM {HOLD} WHERE id = ({ITS_HOLD})",
        row="SELECT 'generation ' || %(key)s",
    ),
    wrong(
        REFER,
        "a deleted attempt",
        A_DELIVERY,
        f"DELETE FROM {ATTEMPT} WHERE id = (SELECT attempt_id FROM {DELIVERY} WHERE id = %(key)s)",
        row="SELECT 'delivery ' || %(key)s",
    ),
)

STUCK = (
    wrong(
        "open past its deadline",
        "nobody ends it",
        one("submitted"),
        put(GENERATION, "deadline_at = %(past)s"),
    ),
    wrong("due, and nobody looks", "a dead reconciler", one("queued"), put(GENERATION, "wake_at = %(past)s")),
    wrong(
        "asleep until after its deadline",
        "a wake too far away",
        one("ambiguous"),
        put(GENERATION, "wake_at = %(future)s"),
    ),
    wrong(
        "leased for longer than any lease",
        "a lease of weeks",
        one("submitting"),
        put(GENERATION, "lease_until = %(future)s"),
    ),
    wrong(
        "delivered, and nobody acted on it",
        "a webhook in vain",
        A_DELIVERY,
        put(DELIVERY, "processed_at = NULL, received_at = %(past)s"),
    ),
    wrong(
        "one attempt, two requests at fal",
        "a delivery of another request",
        A_DELIVERY,
        put(DELIVERY, "request_id = 'other'"),
    ),
)
