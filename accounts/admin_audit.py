"""What staff do to people and workspaces in the back office is in the trail, in the same transaction."""

from typing import Any

from django.db import models
from django.forms import BaseModelForm
from django.http import HttpRequest

from accounts.models import AuditEvent, Membership, User
from accounts.models.audit import STAFF

# Never written down, not even as it was.
SECRET = {"password", "password1", "password2", "usable_password"}


class Audited:
    """For a `ModelAdmin` of people, workspaces and what is edited with them."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Saved, and written down with what was changed."""
        before = _before(form) if change else None
        super().save_model(request, obj, form, change)  # type: ignore[misc]  # the ModelAdmin's
        after = _values(obj, form.changed_data)
        if after or not change:
            write(request, "changed" if change else "created", obj, before=before, after=after)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The same for each row of a table in the page."""
        before = {each.instance.pk: _before(each) for each in formset.forms if each.instance.pk}
        super().save_formset(request, form, formset, change)  # type: ignore[misc]  # the ModelAdmin's
        for made in formset.new_objects:
            write(request, "added", made, after=_values(made, ("role", "suspended_at")))
        for changed, names in formset.changed_objects:
            write(request, "changed", changed, before=before[changed.pk], after=_values(changed, names))


def write(
    request: HttpRequest,
    act: str,
    subject: models.Model,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """An event of staff; about a person it belongs to no workspace, for they may be in several."""
    person = request.user
    word = "member" if isinstance(subject, Membership) else str(subject._meta.model_name)
    told: dict[str, Any] = {"name": str(subject)}
    if isinstance(subject, Membership):
        told = {"member": subject.user.email}
    AuditEvent.of(
        f"{word}.{act}",
        subject,
        actor=person if isinstance(person, User) else None,
        acting_as=STAFF,
        before=before,
        after=after,
        **told,
    ).save()


def _before(form: "BaseModelForm[Any]") -> dict[str, Any]:
    return {name: _plain(form.initial.get(name)) for name in form.changed_data if name not in SECRET}


def _values(row: Any, names: Any) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names if name not in SECRET and hasattr(row, name)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
