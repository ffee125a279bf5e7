"""RQ as a doorbell: a job carries an id and nothing else, may vanish and may run twice.

No RQ retry, no delayed job, no result: the row knows when it must be looked at again.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import django_rq
from django.db import close_old_connections, transaction
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


def drive(generation_id: str) -> None:
    """Take the next step of a generation."""
    from generations import motor  # noqa: PLC0415 - the motor itself pokes, so it imports this module

    with _fresh_connection():
        motor.drive(uuid.UUID(generation_id))


def media(generation_id: str) -> None:
    """Fetch and keep a finished clip."""
    from generations import motor  # noqa: PLC0415 - as above

    with _fresh_connection():
        motor.store(uuid.UUID(generation_id))


@contextmanager
def _fresh_connection() -> Iterator[None]:
    """A long-lived worker must not meet a connection that the database closed meanwhile."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
