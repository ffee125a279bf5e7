"""Generations made old by hand: time is never patched, rows are."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from generations import motor, orders
from generations.models import Attempt, Delivery, Generation
from generations.models.attempt import hashed
from tests.generations.puppet import Puppet
from tests.world import World, order


def place(world: World, endpoint: str = "fal-ai/veo3.1/lite") -> Generation:
    return orders.place(world.alice, order(world.alice, endpoint))[0]


def now(generation: Generation) -> Generation:
    return Generation.objects.get(pk=generation.pk)


def age(generation: Generation, **more: Any) -> None:
    """Its lease has run out and its wake has come."""
    past = timezone.now() - timedelta(seconds=1)
    rows = Generation.objects.filter(pk=generation.pk)
    rows.filter(lease_until__isnull=False).update(lease_until=past)
    rows.filter(wake_at__isnull=False).update(wake_at=past, **more)


def expire(generation: Generation) -> None:
    """Its deadline has passed as well."""
    age(generation, deadline_at=timezone.now() - timedelta(hours=1))


def ask_to_cancel(generation: Generation) -> None:
    at = timezone.now()
    Generation.objects.filter(pk=generation.pk).update(cancel_requested_at=at, wake_at=at, tries=0)


def deliver(attempt: Attempt, puppet: Puppet, request_id: str = "") -> Delivery:
    key = request_id or str(attempt.request_id)
    body = {"request_id": key, "payload": puppet.video()}
    return Delivery.objects.create(
        attempt=attempt, digest=hashed(key), request_id=key, status="OK", body=body
    )


def submitted(world: World, puppet: Puppet) -> tuple[Generation, Attempt]:
    generation = place(world)
    motor.drive(generation.pk)
    age(generation)
    return now(generation), generation.attempts.get()
