"""`/healthz`: this process answers. `/readyz`: what it depends on does too.

Both are open and say nothing but status words: whoever may not sign in learns no versions, hosts or numbers.
"""

import functools
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from generations import vitals
from generations.media.vault import has_room
from generations.models import Breaker

OK, DEGRADED, DOWN = "ok", "degraded", "down"
HEARTBEAT_LIMIT = timedelta(seconds=30)  # the reconciler beats every few seconds


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 while pages can be served, 503 when not: a dead reconciler must not take the pages down too."""
    words = {name: ask() for name, ask in QUESTIONS.items()}
    status = "down" if DOWN in words.values() else DEGRADED if DEGRADED in words.values() else "ready"
    return JsonResponse({"status": status, **words}, status=503 if status == "down" else 200)


def database() -> str:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return DOWN
    return OK


def migrations() -> str:
    try:
        return OK if migrated() else DOWN
    except (Error, PendingMigrations):
        return DOWN


class PendingMigrations(Exception):
    """The tables are older than the code."""


@functools.cache
def migrated() -> bool:
    """Asked until it is true: reading every migration file takes long, and nobody migrates backwards."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise PendingMigrations
    return True


def disk() -> str:
    return OK if has_room() else DOWN


def redis() -> str:
    """Only the doorbell: without it the reconciler still wakes everything, a little later."""
    # One quick try: whoever asks us has less patience than the library's own retries.
    once = Retry(NoBackoff(), retries=0)
    try:
        with Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=once
        ) as server:
            server.ping()
    except RedisError:
        return DEGRADED
    return OK


def reconciler() -> str:
    """Late or dead means slower, not wrong: only what nobody woke waits."""
    try:
        age = vitals.heartbeat()
    except Error:
        return DEGRADED
    return OK if age is not None and age < HEARTBEAT_LIMIT else DEGRADED


def fal() -> str:
    """While fal refuses us nothing is sent, and nothing is lost: everything waits in line."""
    try:
        breaker = Breaker.objects.filter(pk="fal").first()
    except Error:
        return DEGRADED
    return OK if breaker is None or breaker.state == Breaker.State.CLOSED else DEGRADED


QUESTIONS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "disk": disk,
    "redis": redis,
    "reconciler": reconciler,
    "fal": fal,
}
