"""What we tell people: the bell on every page, and the outbox of mails."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User, Workspace


class Notification(models.Model):
    """A line in somebody's bell. Written in the transaction of what it tells of."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=300)
    # A path of ours, without the workspace in front.
    address = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_of"),
            models.Index(fields=["user"], condition=Q(read_at=None), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return self.text


class LetterQuerySet(models.QuerySet["Letter"]):
    """Selections of letters."""

    def due(self, moment: datetime, rung_before: datetime) -> "LetterQuerySet":
        """To be sent, and nobody was lately asked to; the oldest first."""
        quiet = Q(poked_at=None) | Q(poked_at__lte=rung_before)
        return self.filter(quiet, wake_at__lte=moment).order_by("wake_at")


class Letter(models.Model):
    """A mail in the outbox, written in the transaction of what it tells of, and sent by the mail worker.

    `wake_at` says when to try (again); it is empty once it was sent or given up. The text is dropped then:
    it may carry an invitation's address.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    wake_at = models.DateTimeField(null=True, default=timezone.now)
    poked_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=80, blank=True, default="")

    objects = LetterQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="letter_due")]

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"
