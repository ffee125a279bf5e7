"""What RQ calls: a job carries an id, takes one step of the motor or the outbox, and may run twice."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections

from accounts import letters, trace, webhooks
from generations import motor


def drive(generation_id: str) -> None:
    """Take the next step of a generation."""
    with _fresh_connection(), trace.about(job="drive", generation=generation_id):
        motor.drive(uuid.UUID(generation_id))


def media(generation_id: str) -> None:
    """Fetch and keep a finished clip."""
    with _fresh_connection(), trace.about(job="media", generation=generation_id):
        motor.store(uuid.UUID(generation_id))


def post(message_id: str) -> None:
    """Send a webhook to another program."""
    with _fresh_connection(), trace.about(job="post", message=message_id):
        webhooks.deliver(uuid.UUID(message_id))


def mail(letter_id: str) -> None:
    """Send a letter of the outbox."""
    with _fresh_connection(), trace.about(job="mail", letter=letter_id):
        letters.deliver(uuid.UUID(letter_id))


@contextmanager
def _fresh_connection() -> Iterator[None]:
    """A long-lived worker must not meet a connection that the database closed meanwhile."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
