"""The back office of the studio: what is waiting, for what, since when."""

from textwrap import shorten
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path

from accounts.admin import Back, Inline, ReadOnly
from generations.admin_operations import operations, wake
from generations.catalogue import CATALOGUE
from generations.models import (
    Attempt,
    Breaker,
    Clip,
    Delivery,
    EndpointSwitch,
    Generation,
    Heartbeat,
    Notice,
    StateChange,
    Upload,
)


class Evidence(Inline):
    """Rows that belong to a generation, to be read only."""

    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them, also those that no form may hold."""
        return self.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class ChangeInline(Evidence):
    """The edges walked."""

    model = StateChange
    fields = ("at", "before", "after", "cause")


class AttemptInline(Evidence):
    """What was sent."""

    model = Attempt
    fields = ("number", "state", "request_id", "prepared_at", "sent_at", "answered_at", "reply")


def _clock(field: str) -> Any:
    """A column of moments, to the second: what waits is told apart by seconds."""

    @admin.display(description=field.removesuffix("_at").removesuffix("_until"), ordering=field)
    def shown(row: Any) -> str:
        at = getattr(row, field)
        return f"{at:%-d %b %H:%M:%S}" if at else "–"

    return shown


@admin.display(description="clip", ordering="created_at")
def shot(row: Generation) -> str:
    """Enough of its id and its prompt to know it by."""
    return f"{str(row.pk)[:8]} {shorten(row.prompt, 40, placeholder='…')}"


@admin.register(Generation)
class GenerationAdmin(ReadOnly):
    """Every wait is a column here."""

    list_display = (
        shot,
        "state",
        *(_clock(each) for each in ("created_at", "turn_at", "wake_at", "lease_until", "deadline_at")),
        "tries",
        "reason",
        "workspace",
        "author",
        "endpoint",
    )
    ordering = ("-created_at",)
    list_filter = ("state", "mode", "reason")
    search_fields = ("id", "author__email", "workspace__name", "attempts__request_id")
    list_select_related = ("workspace", "author")
    show_full_result_count = False
    inlines = (ChangeInline, AttemptInline)
    actions = ("wake",)

    @admin.action(description="Wake: have a worker look now", permissions=["view"])
    def wake(self, request: HttpRequest, queryset: "QuerySet[Generation]") -> None:
        """Safe at any time: a look takes the next step if there is one."""
        self.message_user(request, f"{wake(queryset, by=request.user)} woken.")

    def get_urls(self) -> list[URLPattern]:
        """With the operator's page."""
        page = path("operations/", self.admin_site.admin_view(operations), name="generations_operations")
        return [page, *super().get_urls()]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    """What fal delivered."""

    list_display = ("received_at", "request_id", "status", "stale", "processed_at")
    list_filter = ("status", "stale")
    search_fields = ("request_id",)


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    """What people sent in."""

    list_display = ("name", "workspace", "author", "kind", "width", "height", "seconds", "size", "created_at")


@admin.register(Clip)
class ClipAdmin(ReadOnly):
    """What came back."""

    list_display = (
        "generation",
        "width",
        "height",
        "seconds",
        "has_audio",
        "size",
        "differences",
        "created_at",
    )


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly):
    """Which process was last alive when."""

    list_display = ("name", "seen_at")


@admin.register(Breaker)
class BreakerAdmin(ReadOnly):
    """How fal's door looks; the operator's page says what to do."""

    list_display = ("name", "state", "reason", "opened_at", "until", "failures", "places", "quiet_until")


@admin.register(EndpointSwitch)
class EndpointSwitchAdmin(Back):
    """Take an endpoint off sale, or offer values of older fal pages."""

    list_display = ("endpoint", "on_sale", "older_choices", "note")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only endpoints of the catalogue exist."""
        if db_field.name == "endpoint":
            return forms.ChoiceField(choices=[(key, key) for key in CATALOGUE])
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Notice)
class NoticeAdmin(Back):
    """Words of the house."""

    list_display = ("place", "title")
