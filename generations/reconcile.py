"""The sweep: ring for every generation whose time has come, whether or not Redis remembers it."""

import os
import socket
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import Letter, WebhookMessage
from generations import alarms, alerts, doorbell, line
from generations.failpoints import failpoint
from generations.models import Breaker, Delivery, Generation, Heartbeat, Leadership, State
from generations.timing import REPOKE, business, now

RECONCILER = "reconciler"
# Bounded per sweep, so that a long outage drains steadily instead of flooding the queue at once: what only
# looks whether fal is done must not crowd out what can be done.
MOST, MOST_LOOKS = 500, 100
# While so many jobs wait, the bell still rings; and behind more than a few, a bell is not lost yet.
RINGING, FEW = 200, 10
JOB_SECONDS = {doorbell.DRIVE: 0.1, doorbell.MEDIA: 1.0, doorbell.MAIL: 1.0}
# Any number, the same everywhere: whoever holds this lock is the one reconciler.
LOCK = 0x73776570
TERM = timedelta(seconds=15)


def sweep() -> int:
    """Give turns, ring for what is due and for deliveries nobody acted on; how many bells were rung."""
    rung = len(line.move_up())
    rung += _ring(Q(state=State.STORING), doorbell.MEDIA, MOST)
    rung += _ring(~Q(state__in=[State.STORING, State.SUBMITTED]), doorbell.DRIVE, MOST)
    rung += _ring(Q(state=State.SUBMITTED), doorbell.DRIVE, MOST_LOOKS)
    rung += _unheard() + _knock() + _outboxes()
    alarms.tell()
    alerts.tell()
    Heartbeat.beat(RECONCILER)  # at its end: one that breaks each time is not alive
    return rung


def _ring(which: Q, queue: str, most: int) -> int:
    backlog, moment = doorbell.backlog(queue), now()
    room = max(0, min(most, RINGING - backlog))
    due = Generation.objects.due(moment, _lost_since(moment, queue, backlog)).filter(which)
    return _poke(list(due.values_list("pk", flat=True)[:room]), queue)


def _lost_since(moment: datetime, queue: str, backlog: int) -> datetime:
    """A bell rung before then, and not answered, is lost: by a Redis that forgot, or a worker that died."""
    return moment - business(REPOKE) - timedelta(seconds=max(0, backlog - FEW) * JOB_SECONDS[queue])


def _poke(keys: Collection[UUID], queue: str) -> int:
    Generation.objects.filter(pk__in=keys).update(poked_at=now())
    assert failpoint("sweep.poked")
    for key in keys:
        doorbell.poke(key, queue=queue)
    return len(keys)


def _unheard() -> int:
    """Deliveries whose own bell was lost."""
    moment = now()
    lost = _lost_since(moment, doorbell.DRIVE, doorbell.backlog(doorbell.DRIVE))
    quiet = Q(attempt__generation__poked_at=None) | Q(attempt__generation__poked_at__lte=lost)
    old = Delivery.objects.filter(quiet, processed_at=None, received_at__lte=moment - business(REPOKE))
    keys = old.order_by().values_list("attempt__generation", flat=True).distinct()[:MOST]
    return _poke(list(keys), doorbell.DRIVE)


def _knock() -> int:
    """When fal's door was shut and the pause is over, have one worker find out."""
    if not Breaker.current().wants_probe():
        return 0
    awake = Generation.objects.waiting().filter(wake_at__lte=now())
    return _poke(list(awake.order_by("created_at").values_list("pk", flat=True)[:1]), doorbell.DRIVE)


def _outboxes() -> int:
    """Letters to people and webhooks to other programs that are due."""
    backlog, moment = doorbell.backlog(doorbell.MAIL), now()
    room, lost = max(0, RINGING - backlog), _lost_since(moment, doorbell.MAIL, backlog)
    letters, messages = Letter.objects.due(moment, lost), WebhookMessage.objects.due(moment, lost)
    return _send(letters, doorbell.mail, room) + _send(messages, doorbell.post, room)


def _send(due: "QuerySet[Any]", ring: Callable[[UUID], None], most: int) -> int:
    keys = list(due.values_list("pk", flat=True)[:most])
    if keys:
        due.model.objects.filter(pk__in=keys).update(poked_at=now())
    for key in keys:
        ring(key)
    return len(keys)


class Leader:
    """At most one reconciler sweeps. The lock ends with its connection, so a dead leader is followed soon."""

    def __init__(self) -> None:
        self._name = f"{socket.gethostname()[:20]}:{os.getpid()}"
        self._held_by: object = None

    def leads(self) -> bool:
        """Whether this process is the one, now."""
        if connection.vendor != "postgresql":
            return Leadership.take(RECONCILER, self._name, term=TERM)
        connection.ensure_connection()
        if self._held_by is not connection.connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
                won = cursor.fetchone()[0]
            self._held_by = connection.connection if won else None
        return self._held_by is not None
