"""What is to be said: messages are written down with what they tell of, and made due again by people."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AuditEvent, WebhookEndpoint, WebhookMessage
from accounts.policy import Actor
from accounts.webhooks.types import TEST

KEPT_DAYS = 30
BATCH = 500


def tell(workspace_id: uuid.UUID, type: str, data: Callable[[], dict[str, Any]]) -> int:  # noqa: A002 - its name
    """Write one message for each endpoint that wants this type; how many. Inside the caller's transaction.

    One query when nobody wants to know: `data` is only asked for what it tells when somebody does.
    """
    live = WebhookEndpoint.objects.live().filter(workspace=workspace_id)
    wanting = [key for key, types in live.values_list("pk", "events") if not types or type in types]
    if wanting:
        write(wanting, type, data())
    return len(wanting)


def write(endpoints: list[uuid.UUID], type: str, data: dict[str, Any]) -> None:  # noqa: A002 - its name
    """The same message to each of these, due now."""
    # Moments are written as the API answers them.
    body = json.loads(DjangoJSONEncoder().encode({"type": type, "timestamp": timezone.now(), "data": data}))
    WebhookMessage.objects.bulk_create(
        WebhookMessage(endpoint_id=key, type=type, body=body) for key in endpoints
    )


def send_test(actor: Actor, endpoint: WebhookEndpoint) -> bool:
    """Something to try the other program with, whatever types it wants; False when it is off."""
    if not WebhookEndpoint.objects.live().filter(pk=endpoint.pk).exists():
        return False
    with transaction.atomic():
        write([endpoint.pk], TEST, {"webhook": str(endpoint.pk)})
        _wake([endpoint.pk])
        AuditEvent.of("webhook.tested", endpoint, actor=actor.user, acting_as=actor.capacity).save()
    return True


def replay(actor: Actor, message: WebhookMessage) -> bool:
    """Make one message due again, under the same id; False while it is being sent, or nobody may be told."""
    with transaction.atomic():
        _wake([message.endpoint_id])
        if not _make_due(WebhookMessage.objects.filter(pk=message.pk)):
            return False
        event = AuditEvent.of(
            "webhook.replayed",
            message,
            actor=actor.user,
            acting_as=actor.capacity,
            workspace=actor.workspace,
            type=message.type,
        )
        event.save()
    return True


def replay_failed(actor: Actor, endpoint: WebhookEndpoint) -> int:
    """Make everything due again that was given up; how many messages."""
    with transaction.atomic():
        lost = WebhookMessage.objects.filter(endpoint=endpoint, wake_at=None, delivered_at=None)
        _wake([endpoint.pk])
        count = _make_due(lost)
        if count:
            event = AuditEvent.of(
                "webhook.replayed", endpoint, actor=actor.user, acting_as=actor.capacity, messages=count
            )
            event.save()
    return count


def drop_old() -> int:
    """Forget what was said a month ago, some at a time; how many rows, with their attempts."""
    age = timedelta(days=KEPT_DAYS / settings.TIME_SCALE)
    old = WebhookMessage.objects.filter(created_at__lt=timezone.now() - age)
    return WebhookMessage.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]


def _wake(endpoints: list[uuid.UUID]) -> None:
    """A person wants it now: a failing endpoint is not waited for. Its row goes first, as everywhere."""
    WebhookEndpoint.objects.filter(pk__in=endpoints, quiet_until__isnull=False).update(quiet_until=None)


def _make_due(messages: "QuerySet[WebhookMessage]") -> int:
    moment = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lte=moment)
    live = WebhookEndpoint.objects.live()
    return messages.filter(free, endpoint__in=live).update(
        wake_at=moment, tries=0, delivered_at=None, poked_at=None, lease_until=None
    )
