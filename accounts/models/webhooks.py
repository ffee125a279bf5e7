"""Webhooks to other programs: where to, what was said, and each try of saying it.

Names are those of the Standard Webhooks specification: an endpoint is sent messages, in attempts.
"""

import secrets
import uuid
from base64 import b64encode
from datetime import datetime

from django.db import models
from django.db.models import Case, F, Q, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.models.people import User, Workspace

# Of one endpoint's messages so many are rung for at a time, and of one that is failing a single one: a
# receiver that hangs must not be what all the mail workers wait for.
TOGETHER = 20


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as the specification wants it."""
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    """Selections of endpoints."""

    def live(self) -> "WebhookEndpointQuerySet":
        """Those that are told things."""
        return self.filter(disabled_at=None, deleted_at=None)

    def of(self, workspace: Workspace) -> "WebhookEndpointQuerySet":
        """The workspace's own, switched off or not."""
        return self.filter(workspace=workspace, deleted_at=None)


class WebhookEndpoint(models.Model):
    """An address of another program. The secret is shared with it, so it is kept as it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=80, default=new_secret)
    # The one before a rotation signs as well until then: the other program follows in its own time.
    old_secret = models.CharField(max_length=80, blank=True, default="", db_default="")
    old_secret_until = models.DateTimeField(null=True, blank=True)
    # Which types of events it wants; empty: all.
    events = models.JSONField(default=list)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Set by people, or by us when an endpoint has refused everything for days.
    disabled_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    # Since when every try has failed, and until when none is made at all; empty while it works.
    failing_since = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)

    objects = WebhookEndpointQuerySet.as_manager()

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


class WebhookMessageQuerySet(models.QuerySet["WebhookMessage"]):
    """Selections of messages."""

    def ripe(self, moment: datetime) -> "WebhookMessageQuerySet":
        """Those whose time has come and that nobody is sending, to endpoints that may be tried now."""
        free = Q(lease_until=None) | Q(lease_until__lte=moment)
        rested = Q(endpoint__quiet_until=None) | Q(endpoint__quiet_until__lte=moment)
        live = Q(endpoint__disabled_at=None, endpoint__deleted_at=None)
        return self.filter(free & rested & live, wake_at__lte=moment)

    def due(self, moment: datetime, rung_before: datetime) -> "WebhookMessageQuerySet":
        """Of those, what nobody was lately asked to send: a few of each endpoint, the oldest first."""
        number = Window(RowNumber(), partition_by=F("endpoint"), order_by=[F("wake_at"), F("id")])
        most = Case(When(endpoint__failing_since=None, then=TOGETHER), default=1)
        quiet = Q(poked_at=None) | Q(poked_at__lte=rung_before)
        numbered = self.ripe(moment).annotate(number=number, most=most)
        return numbered.filter(quiet, number__lte=F("most")).order_by("wake_at")


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
    # Since it was last made due: by what it tells of, or by a person. The attempts count all.
    tries = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    # Somebody is sending it; if they are not back by then, they died.
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = WebhookMessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="webhook_due"),
            models.Index(fields=["endpoint", "-created_at", "-id"], name="webhook_log"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    @property
    def standing(self) -> str:
        """`delivered`, `sending`, `waiting` or `given up`."""
        if self.delivered_at:
            return "delivered"
        if self.wake_at is None:
            return "given up"
        return "sending" if self.lease_until and self.lease_until > timezone.now() else "waiting"


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
