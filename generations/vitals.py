"""How the studio is, in figures: what an operator looks at and what alarms are set on.

Read anew each time, by statements that stay small as the tables grow: open rows by their partial index,
wallets each by its last entry, and what happened lately by the newest so many changes.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min, Q

from accounts.models import Letter, WebhookMessage
from generations.models import WITH_FAL, Breaker, Delivery, Generation, Heartbeat, State, StateChange
from generations.models.generation import ripe
from generations.reconcile import RECONCILER
from generations.timing import now

# "Lately" never looks at more changes than these, about four thousand clips, and at so many failures.
NEWEST, MOST_FAILURES = 20_000, 2_000


DRIFT = """
SELECT COALESCE(SUM(ABS(w.posted - COALESCE((
           SELECT e.balance_after FROM accounts_ledgerentry e
           WHERE e.wallet_id = w.id ORDER BY e.seq DESC LIMIT 1), 0))), 0),
       COALESCE(SUM(ABS(w.held - COALESCE((
           SELECT SUM(h.amount) FROM accounts_hold h WHERE h.wallet_id = w.id AND h.state = 'held'), 0))), 0)
FROM accounts_wallet w
"""


@dataclass(frozen=True)
class Queue:
    """Everything that is not over yet."""

    states: dict[str, int]
    # In our own line; the others of `states` that wait or work at fal take its places.
    line: int
    out: int
    due: int
    oldest_due: timedelta
    past_deadline: int
    deliveries: int
    oldest_delivery: timedelta


@dataclass(frozen=True)
class Lately:
    """What happened in the last hour and day, as far as the newest changes go back."""

    sent: int
    ambiguous: int
    gifts: int
    gifts_day: int
    failures: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def ambiguous_rate(self) -> float:
        """Of what was sent in the last hour."""
        return self.ambiguous / self.sent if self.sent else 0.0


def queue() -> Queue:
    """Open rows and deliveries."""
    moment = now()
    opened = Generation.objects.filter(wake_at__isnull=False).order_by()
    in_line = Q(state=State.QUEUED, turn_at=None)
    states: dict[str, int] = {}
    due = ripe(moment)
    rows = opened.values("state").annotate(
        due=Count("pk", filter=due),
        oldest=Min("wake_at", filter=due),
        count=Count("pk"),
        line=Count("pk", filter=in_line),
        late=Count("pk", filter=Q(deadline_at__lt=moment)),
    )
    counted: Counter[str] = Counter()
    for row in rows:
        states[row["state"]] = row["count"]
        counted.update({name: row[name] for name in ("line", "late", "due")})
    oldest = min((row["oldest"] for row in rows if row["oldest"]), default=None)
    heard = Delivery.objects.filter(processed_at=None).order_by()
    unheard = heard.aggregate(count=Count("pk"), oldest=Min("received_at"))
    with_fal = sum(states.get(each, 0) for each in WITH_FAL)
    return Queue(
        states=states,
        line=counted["line"],
        out=with_fal + states.get(State.QUEUED, 0) - counted["line"],
        due=counted["due"],
        oldest_due=since(oldest, moment),
        past_deadline=counted["late"],
        deliveries=unheard["count"],
        oldest_delivery=since(unheard["oldest"], moment),
    )


def lately() -> Lately:
    """Read from the newest changes by their key: no index by time is kept for it."""
    moment = now()
    hour, day = moment - timedelta(hours=1), moment - timedelta(days=1)
    newest = StateChange.objects.aggregate(pk=Max("pk"))["pk"] or 0
    recent = StateChange.objects.filter(pk__gt=newest - NEWEST, at__gte=day).order_by()
    gift = Q(before=State.FAILED, after=State.SUCCEEDED)
    counts = recent.aggregate(
        sent=Count("pk", filter=Q(at__gte=hour, after=State.SUBMITTING)),
        ambiguous=Count("pk", filter=Q(at__gte=hour, after=State.AMBIGUOUS)),
        gifts=Count("pk", filter=gift & Q(at__gte=hour)),
        gifts_day=Count("pk", filter=gift),
    )
    failed = recent.filter(after=State.FAILED).order_by("-pk").values_list("generation", "at")[:MOST_FAILURES]
    return Lately(**counts, failures=_by_reason(dict(failed), hour))


def _by_reason(failed: dict[UUID, datetime], hour: datetime) -> dict[str, tuple[int, int]]:
    """Looked up by key: joined, the database would rather read all generations there are."""
    reasons = dict(Generation.objects.filter(pk__in=failed).values_list("pk", "reason"))
    day = Counter(reasons.values())
    last = Counter(reasons[pk] for pk, at in failed.items() if at >= hour)
    return {reason or "given away": (last[reason], day[reason]) for reason in day}


def outboxes() -> dict[str, tuple[int, timedelta]]:
    """How many letters and webhooks to other programs are due, and for how long the oldest has been."""
    moment = now()
    due = {
        "letters": Letter.objects.filter(wake_at__lte=moment),
        "webhooks": WebhookMessage.objects.ripe(moment),
    }
    read = {name: rows.aggregate(count=Count("pk"), oldest=Min("wake_at")) for name, rows in due.items()}
    return {name: (each["count"], since(each["oldest"], moment)) for name, each in read.items()}


def drift() -> tuple[int, int]:
    """Credits by which wallets differ from their last entry, and from their open holds: 0, or stop."""
    with connection.cursor() as cursor:
        cursor.execute(DRIFT)
        posted, held = cursor.fetchone()
    return int(posted), int(held)


def heartbeat() -> timedelta | None:
    """How long ago the reconciler was last alive; None when never."""
    return Heartbeat.age(RECONCILER)


def shut_for(breaker: Breaker) -> timedelta:
    """How long nothing has been sent, but for probes and the one request that tries."""
    return timedelta(0) if breaker.state == Breaker.State.CLOSED else since(breaker.opened_at, now())


def places(breaker: Breaker) -> int:
    """How many requests fal may have of ours now: what is set, or fewer for a while after a 429."""
    return breaker.places_of(settings.FAL_MAX_IN_FLIGHT)


def line_by_workspace(most: int = 20) -> list[dict[str, Any]]:
    """Who waits for how long, and what each workspace has out; the longest line first."""
    opened = Generation.objects.filter(wake_at__isnull=False).order_by()
    waits = Q(state=State.QUEUED, turn_at=None)
    out = Q(state__in=WITH_FAL) | Q(state=State.QUEUED, turn_at__isnull=False)
    rows = opened.values("workspace__name", "workspace__share").annotate(
        waiting=Count("pk", filter=waits),
        out=Count("pk", filter=out),
        oldest=Min("created_at", filter=waits),
    )
    busy = rows.filter(Q(waiting__gt=0) | Q(out__gt=0)).order_by("-waiting", "-out")
    return [dict(row) for row in busy[:most]]


def since(then: datetime | None, moment: datetime) -> timedelta:
    """How long it has been; nothing when there is nothing, or when clocks differ."""
    return max(timedelta(0), moment - then) if then else timedelta(0)
