"""Webhooks to other programs: where to, what was said, and each try of saying it.

Names are those of the Standard Webhooks specification: an endpoint is sent messages, in attempts.
"""

import secrets
import uuid
from base64 import b64encode

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User, Workspace


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as the specification wants it."""
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


class WebhookEndpoint(models.Model):
    """An address of another program. The secret is shared with it, so it is kept as it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=80, default=new_secret)
    # Which types of events it wants; empty: all.
    events = models.JSONField(default=list)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Set by people, or by us when an endpoint has refused everything for days.
    disabled_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace"],
                condition=Q(disabled_at=None, deleted_at=None),
                name="webhook_endpoint_live",
            )
        ]

    def __str__(self) -> str:
        return self.url


class WebhookMessage(models.Model):
    """What one endpoint is told, once; the outbox. `wake_at` is empty when it was taken or given up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="messages")
    type = models.CharField(max_length=40)
    # The body without its signature: `type`, `timestamp` and `data`.
    body = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    wake_at = models.DateTimeField(null=True, default=timezone.now)
    poked_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="webhook_due"),
            models.Index(fields=["endpoint", "-created_at", "-id"], name="webhook_log"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class WebhookAttempt(models.Model):
    """One try, and what came of it: a status, or the kind of error."""

    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=80, blank=True, default="")
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.status or self.error)
