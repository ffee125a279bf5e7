"""A proven webhook becomes durable: delivery stored and, when it brings the clip, the generation moved on.

The hot path of fal's answers. On PostgreSQL it is one statement, which is its own transaction; SQLite takes
no INSERT or UPDATE inside WITH, so there it is the same steps in one IMMEDIATE transaction. The same tests
hold both to the same effects.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from string import Template
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from accounts import prepared
from generations.models import Attempt, Delivery, Generation, State
from generations.timing import STORING_DEADLINE, business, now

CAUSE = "result by webhook"


@dataclass(frozen=True)
class Arrival:
    """What arrived, by an attempt's token."""

    token_hash: str
    request_id: str
    status: str
    body: dict[str, Any] = field(repr=False)
    digest: str
    stale: bool
    # Whether its payload may be believed and holds a video; otherwise the motor asks fal.
    brings: bool = False


@dataclass(frozen=True)
class Landed:
    """What became of it. `known` is the request that the attempt is known to be, if any."""

    generation_id: uuid.UUID
    known: str | None
    stored: bool = False
    moved: bool = False


def land(arrival: Arrival) -> Landed | None:
    """Store it and move its generation on, all or nothing; None when the token is nobody's.

    Nothing is written for another request than the attempt is known to be, or when it came before.
    """
    return _by_statement(arrival) if connection.vendor == "postgresql" else _by_steps(arrival)


VALUES = (
    "token_hash",
    "request_id",
    "status",
    "body",
    "digest",
    "stale",
    "brings",
    "id",
    "patience",
    "cause",
)
# No column has a length in what it gives: a migration that changes it would end the plans of all sessions.
# The generation is locked first, as everywhere; what is decided is decided on the locked row. A `submitted`
# row moves to `storing` as `Generation.move` would do it; any other only learns that it should be looked at.
STATEMENT = Template("""
WITH sent AS (
    SELECT $body::jsonb AS body
), attempt AS (
    SELECT id, generation_id, request_id, state FROM generations_attempt WHERE token_hash = $token_hash
), generation AS (
    SELECT g.id, g.state FROM generations_generation g JOIN attempt a ON a.generation_id = g.id
    FOR UPDATE OF g
), verdict AS (
    SELECT a.id AS attempt_id, g.id AS generation_id,
           g.state = 'submitted' AND a.state = 'accepted' AND $brings AS moves
    FROM attempt a JOIN generation g ON g.id = a.generation_id
    WHERE a.request_id IS NULL OR a.request_id = $request_id
), delivery AS (
    INSERT INTO generations_delivery
        (id, attempt_id, digest, request_id, status, body, stale, received_at, processed_at)
    SELECT $id, attempt_id, $digest, $request_id, $status, sent.body, $stale,
           clock_timestamp(), CASE WHEN moves THEN clock_timestamp() END
    FROM verdict, sent ON CONFLICT (digest) DO NOTHING RETURNING 1
), moved AS (
    UPDATE generations_generation g SET
        state = CASE WHEN v.moves THEN 'storing' ELSE g.state END,
        epoch = g.epoch + v.moves::int,
        lease_until = CASE WHEN v.moves THEN NULL ELSE g.lease_until END,
        deadline_at = CASE WHEN v.moves THEN clock_timestamp() + $patience ELSE g.deadline_at END,
        queue_position = CASE WHEN v.moves THEN NULL ELSE g.queue_position END,
        tries = CASE WHEN v.moves THEN 0 ELSE g.tries END,
        wake_at = CASE WHEN g.wake_at IS NOT NULL THEN clock_timestamp() END,
        poked_at = CASE WHEN v.moves THEN NULL ELSE g.poked_at END
    FROM verdict v, delivery WHERE g.id = v.generation_id RETURNING g.id, v.attempt_id, v.moves
), result AS (
    UPDATE generations_attempt a SET result = sent.body -> 'payload', lost_looks = 0, lost_since = NULL
    FROM moved m, sent WHERE a.id = m.attempt_id AND m.moves
), change AS (
    INSERT INTO generations_statechange (generation_id, at, before, after, cause, detail)
    SELECT id, clock_timestamp(), 'submitted', 'storing', $cause, '{}'::jsonb FROM moved WHERE moves
)
SELECT a.generation_id, a.request_id::text, EXISTS (SELECT FROM moved), EXISTS (SELECT FROM moved WHERE moves)
FROM attempt a
""").substitute({name: f"${number}" for number, name in enumerate(VALUES, 1)})


def _by_statement(arrival: Arrival) -> Landed | None:
    values = {
        "token_hash": arrival.token_hash,
        "request_id": arrival.request_id,
        "status": arrival.status,
        "body": json.dumps(arrival.body),
        "digest": arrival.digest,
        "stale": arrival.stale,
        "brings": arrival.brings,
        "id": uuid.uuid4(),
        "patience": business(STORING_DEADLINE),
        "cause": CAUSE,
    }
    try:
        row = prepared.first(STATEMENT, [values[name] for name in VALUES])
    except (OperationalError, InterfaceError):
        # Whether the session lives is not asked beforehand, which would be a second round trip. What was done
        # by a session that died is not done twice: the digest tells.
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        row = prepared.first(STATEMENT, [values[name] for name in VALUES])
        # The session that died may have stored it, and nobody was told.
        return Landed(row[0], row[1], stored=True, moved=row[3]) if row else None
    return Landed(*row) if row else None


def _by_steps(arrival: Arrival) -> Landed | None:
    with transaction.atomic():
        attempt = Attempt.objects.filter(token_hash=arrival.token_hash).first()
        if attempt is None:
            return None
        landed = Landed(attempt.generation_id, attempt.request_id)
        if attempt.request_id not in (None, arrival.request_id):
            return landed
        moment, generation = now(), Generation.objects.get(pk=attempt.generation_id)
        accepted = attempt.state == Attempt.State.ACCEPTED
        moves = generation.state == State.SUBMITTED and accepted and arrival.brings
        try:
            with transaction.atomic():
                _keep(arrival, attempt, moment if moves else None)
        except IntegrityError:
            return landed
        if not moves:
            Generation.objects.filter(pk=generation.pk, wake_at__isnull=False).update(wake_at=moment)
            return Landed(generation.pk, attempt.request_id, stored=True)
        Attempt.objects.filter(pk=attempt.pk).update(
            result=arrival.body["payload"], lost_looks=0, lost_since=None
        )
        deadline = moment + business(STORING_DEADLINE)
        generation.move(
            State.STORING,
            cause=CAUSE,
            wake_at=moment,
            poked_at=None,
            deadline_at=deadline,
            queue_position=None,
        )
        return Landed(generation.pk, attempt.request_id, stored=True, moved=True)


def _keep(arrival: Arrival, attempt: Attempt, processed_at: datetime | None) -> None:
    Delivery.objects.create(
        attempt=attempt,
        digest=arrival.digest,
        request_id=arrival.request_id,
        status=arrival.status,
        body=arrival.body,
        stale=arrival.stale,
        processed_at=processed_at,
    )
