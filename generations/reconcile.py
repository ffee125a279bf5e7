"""The sweep: ring for every generation whose time has come, whether or not Redis remembers it."""

from datetime import datetime

from django.utils import timezone

from generations import doorbell
from generations.models import Delivery, Generation, Heartbeat, State
from generations.timing import REPOKE, business

RECONCILER = "reconciler"
# Bounded, so that a long outage drains steadily instead of flooding the queue at once.
MOST = 100


def sweep(now: datetime | None = None) -> int:
    """Ring for what is due and for deliveries nobody acted on; how many bells were rung."""
    now = now or timezone.now()
    Heartbeat.beat(RECONCILER)
    due = list(Generation.objects.due(now).values_list("pk", "state")[:MOST])
    Generation.objects.filter(pk__in=[pk for pk, _ in due]).update(poked_at=now)
    for pk, state in due:
        doorbell.poke(pk, queue=doorbell.MEDIA if state == State.STORING else doorbell.DRIVE)
    unheard = list(
        Delivery.objects.filter(processed_at=None, received_at__lte=now - business(REPOKE))
        .order_by()
        .values_list("attempt__generation", flat=True)
        .distinct()[:MOST]
    )
    for pk in unheard:
        doorbell.poke(pk)
    return len(due) + len(unheard)
