"""RQ as a doorbell: a job carries an id and nothing else, may vanish and may run twice.

No RQ retry, no delayed job, no result: the row knows when it must be looked at again.
"""

import logging
import uuid
from functools import partial

import django_rq
from django.db import transaction
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

DRIVE, MEDIA = "drive", "media"


def poke(generation_id: uuid.UUID, *, queue: str = DRIVE) -> None:
    """Have a worker look at a generation soon, once the current transaction is committed."""
    transaction.on_commit(partial(_ring, generation_id, queue), robust=True)


def _ring(generation_id: uuid.UUID, queue: str) -> None:
    try:
        # Not RQ's `unique`: a job killed while it ran keeps its id for minutes and would silence the bell.
        django_rq.get_queue(queue).enqueue(
            f"generations.jobs.{queue}",
            str(generation_id),
            result_ttl=0,
            failure_ttl=24 * 3600,
            description=f"{queue} {generation_id}",
        )
    except RedisError as error:
        # The reconciler finds the row by its wake_at; nobody who pressed a button needs to know.
        logger.warning("generation=%s event=doorbell_dead error=%s", generation_id, type(error).__name__)
