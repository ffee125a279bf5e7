"""API tokens: what a program shows instead of a person, and the answers it was given before."""

import hashlib
import secrets
import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models.people import User, Workspace

PREFIX = "dl_"


class Scope(models.TextChoices):
    """What a token is for."""

    READ = "generations:read", "See clips and download them"
    CREATE = "generations:create", "Upload files, create clips and cancel them"
    CREDITS = "credits:read", "See the balance and the statement"


class ApiToken(models.Model):
    """Acts as the member who made it, in one workspace, within its scopes; dies with the membership.

    Only a digest is kept: the token itself is shown once, when it is made. It has so much entropy that a
    plain SHA-256 is as good as a slow hash. `prefix` is how people tell tokens apart.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="tokens")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-created_at"], name="token_workspace")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def draw(cls, **fields: Any) -> "tuple[ApiToken, str]":
        """An unsaved token and its secret, which nobody can read again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        return cls(prefix=secret[:9], digest=digest_of(secret), **fields), secret

    def is_live(self, moment: datetime | None = None) -> bool:
        """Neither revoked nor expired."""
        moment = moment or timezone.now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > moment)


def digest_of(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiAnswer(models.Model):
    """What a token was answered under an `Idempotency-Key`: the same question gets the same answer."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="answers")
    key = models.CharField(max_length=255)
    question = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="answer_once")]
        indexes = [models.Index(fields=["created_at"], name="answer_age")]

    def __str__(self) -> str:
        return f"{self.status} to {self.key}"
