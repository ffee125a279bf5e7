"""Invitations into a workspace: by mail to one address, or by a link for whoever has it."""

import uuid
from datetime import datetime

from django.core import signing
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import Role, User, Workspace

SALT = "invitation"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Selections of invitations."""

    def pending(self, moment: datetime | None = None) -> "InvitationQuerySet":
        """Those that can still be accepted."""
        return self.filter(
            accepted_at=None,
            revoked_at=None,
            expires_at__gt=moment or timezone.now(),
            workspace__closed_at=None,
        )


class Invitation(models.Model):
    """One person may become a member by it, once. `email` is empty for a link that anybody may use.

    The address is signed and not kept; `round` is part of it, so that sending again ends older letters.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField(blank=True, default="")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.CREATOR)
    # Credits a month that the new member may spend at most; empty: no limit of their own.
    budget = models.PositiveBigIntegerField(null=True, blank=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    round = models.PositiveIntegerField(default=1)
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=Q(accepted_at=None, revoked_at=None) & ~Q(email=""),
                name="invitation_open_once",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="invitation_workspace")]

    def __str__(self) -> str:
        return f"{self.email or 'link'} to {self.workspace} as {self.role}"

    @property
    def word(self) -> str:
        """What stands in its address."""
        return signing.Signer(salt=SALT).sign_object([self.pk.hex, self.round])

    @classmethod
    def by(cls, word: str) -> "Invitation | None":
        """The invitation that an address names, open or not; None for a word that is not ours."""
        try:
            key, number = signing.Signer(salt=SALT).unsign_object(word)
        except (signing.BadSignature, ValueError):
            return None
        return cls.objects.select_related("workspace", "invited_by").filter(pk=key, round=number).first()
