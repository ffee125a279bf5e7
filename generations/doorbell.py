"""Redis as a doorbell: what it carries may vanish or come twice, and costs seconds at most.

`poke` rings a worker about one generation (a job of RQ that carries an id and nothing else); `nudge` rings
the reconciler, which looks at all that is due, and is the cheapest word there is. No RQ retry, no delayed
job, no result: the row knows when it must be looked at again.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from functools import cache, partial

import django_rq
from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue

logger = logging.getLogger(__name__)

DRIVE, MEDIA, MAIL = "drive", "media", "mail"
CHANNEL = "dailies:bell"
# However often it is nudged: the reconciler looks once in so many seconds, and is not told more often either.
CALM = 0.2
SLICE = 0.25  # seconds after which a listener looks whether it was told to stop


def poke(generation_id: uuid.UUID, *, queue: str = DRIVE) -> None:
    """Have a worker look at a generation soon, once the current transaction is committed."""
    transaction.on_commit(partial(_ring, generation_id, queue), robust=True)


def mail(letter_id: uuid.UUID) -> None:
    """Have a worker send a letter soon, once the current transaction is committed."""
    transaction.on_commit(partial(_ring, letter_id, MAIL), robust=True)


def post(message_id: uuid.UUID) -> None:
    """Have a worker send a webhook to another program soon, once the current transaction is committed."""
    transaction.on_commit(partial(_ring, message_id, MAIL, "post"), robust=True)


def nudge() -> None:
    """Have the reconciler look around soon, once the current transaction is committed. Costs nothing."""
    transaction.on_commit(_nudge, robust=True)


def backlog(queue: str) -> int:
    """How many jobs wait; 0 when nobody knows."""
    try:
        return int(_queue(queue).count)
    except RedisError:
        return 0


class Bell:
    """The reconciler's ear. Deaf without Redis: then time alone wakes it."""

    def __init__(self) -> None:
        self._ear = redis().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py's
        self._listening = False

    def wait(self, seconds: float, *, stopped: Callable[[], bool]) -> bool:
        """Wait for a nudge, but not for longer; whether there was one."""
        ends = time.monotonic() + seconds
        while not stopped() and (left := ends - time.monotonic()) > 0:
            if self._heard(min(left, SLICE)):
                while self._heard(0):  # one look answers all that rang meanwhile
                    pass
                return True
        return False

    def _heard(self, seconds: float) -> bool:
        try:
            if not self._listening:
                self._ear.subscribe(CHANNEL)
                self._listening = True
            return self._ear.get_message(timeout=seconds) is not None
        except RedisError:
            self._listening = False
            time.sleep(seconds)
            return False


@cache
def redis() -> "Redis":
    """One pool of connections per process; redis-py notices a fork. Nobody waits long for a bell."""
    once_more = Retry(NoBackoff(), retries=1)
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2, retry=once_more)


@cache
def _queue(name: str) -> Queue:
    return django_rq.get_queue(name, connection=redis())


def _ring(key: uuid.UUID, queue: str, job: str = "") -> None:
    try:
        # Not RQ's `unique`: a job killed while it ran keeps its id for minutes and would silence the bell.
        _queue(queue).enqueue(
            f"generations.jobs.{job or queue}",
            str(key),
            result_ttl=0,
            failure_ttl=24 * 3600,
            description=f"{job or queue} {key}",
        )
    except RedisError as error:
        # The reconciler finds the row by its wake_at; nobody who pressed a button needs to know.
        logger.warning("row=%s event=doorbell_dead error=%s", key, type(error).__name__)


class _Nudger(threading.Thread):
    """Speaks for its process: one nudge stands for all that come shortly after it."""

    def __init__(self) -> None:
        super().__init__(name="nudger", daemon=True)
        self.asked = threading.Event()

    def run(self) -> None:
        """For as long as the process lives."""
        while self.asked.wait():
            self.asked.clear()
            try:
                redis().publish(CHANNEL, "")
            except Exception as error:  # noqa: BLE001 - nobody else would ring for this process
                logger.warning("event=doorbell_dead error=%s", type(error).__name__)
            time.sleep(CALM)


def _nudge() -> None:
    if not _nudger().is_alive():  # in a copy of the process that it lived in
        _nudger.cache_clear()
    _nudger().asked.set()


@cache
def _nudger() -> _Nudger:
    # Two threads that come first at the same moment have one each; that is one nudge more.
    nudger = _Nudger()
    nudger.start()
    return nudger
