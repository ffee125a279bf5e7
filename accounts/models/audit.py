"""What was done, by whom, to what: an append-only trail written in the transaction of the act."""

from typing import Any

from django.db import models

from accounts.models.people import User, Workspace


class AuditEvent(models.Model):
    """One act. Rows are never changed or removed (triggers on both databases see to it)."""

    at = models.DateTimeField(auto_now_add=True)
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=60)
    object = models.CharField(max_length=120)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-id"], name="audit_workspace")]

    def __str__(self) -> str:
        return f"{self.verb} {self.object}"

    @classmethod
    def of(cls, verb: str, subject: models.Model, *, actor: User | None, **detail: Any) -> "AuditEvent":
        """An unsaved event about `subject`; its workspace is the subject's own."""
        workspace = subject if isinstance(subject, Workspace) else getattr(subject, "workspace", None)
        return cls(
            workspace=workspace,
            actor=actor,
            verb=verb,
            object=f"{subject._meta.model_name}:{subject.pk}",
            detail=detail,
        )
