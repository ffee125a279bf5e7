"""What was done, by whom, to what: an append-only trail written in the transaction of the act."""

from typing import Any

from django.db import models

from accounts import trace
from accounts.models.people import User, Workspace

STAFF, OPERATOR = "staff", "operator"


class AuditEvent(models.Model):
    """One act. Rows are never changed or removed (triggers on both databases see to it).

    `acting_as` says in what capacity: a role, `token dl_…`, `staff`, or `operator` for a command.
    `before` and `after` hold only what the act changed, by field name. `request` is the name of the web
    request that the log lines carry as well.
    """

    at = models.DateTimeField(auto_now_add=True)
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    acting_as = models.CharField(max_length=60, default="", db_default="", blank=True)
    verb = models.CharField(max_length=60)
    object = models.CharField(max_length=120)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    detail = models.JSONField(default=dict)
    request = models.CharField(max_length=64, default="", db_default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-id"], name="audit_workspace")]

    def __str__(self) -> str:
        return f"{self.verb} {self.object}"

    @classmethod
    def of(
        cls,
        verb: str,
        subject: models.Model,
        *,
        actor: User | None,
        acting_as: str = "",
        workspace: Workspace | None = None,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        **detail: Any,
    ) -> "AuditEvent":
        """An unsaved event about `subject`; its workspace is the subject's own unless it is given."""
        own = subject if isinstance(subject, Workspace) else getattr(subject, "workspace", None)
        return cls(
            workspace=workspace or own,
            actor=actor,
            acting_as=acting_as,
            verb=verb,
            object=f"{subject._meta.model_name}:{subject.pk}",
            before=before,
            after=after,
            detail=detail,
            request=trace.words().get("request", ""),
        )
