"""The audit trail: what was done in this workspace, to be read, filtered and exported by its owners."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.core import signing
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts import audit_words
from accounts.actor import ActorRequest, allowed
from accounts.csv_export import download
from accounts.models import AuditEvent
from accounts.policy import Action

PAGE = 50
CURSOR_SALT = "audit"
HEADER = (
    "Number", "When (UTC)", "Who", "E-mail", "Acting as", "Verb", "What", "Object", "Before", "After", "More",
    "Request",
)  # fmt: skip

Events = QuerySet[AuditEvent]


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """One form for the page and for what is exported."""

    verb = django_filters.ChoiceFilter(choices=audit_words.CHOICES, empty_label="Everything", label="What")
    who = django_filters.CharFilter(method="by_person", label="Who")
    q = django_filters.CharFilter(method="with_words", label="Search")
    since = django_filters.DateFilter(method="from_day", label="From", widget=forms.DateInput)
    until = django_filters.DateFilter(method="to_day", label="To", widget=forms.DateInput)

    class Meta:
        model = AuditEvent
        fields: list[str] = []

    def by_person(self, events: Events, name: str, value: str) -> Events:
        """By part of a name or an address."""
        names = Q(actor__first_name__icontains=value) | Q(actor__last_name__icontains=value)
        return events.filter(names | Q(actor__email__icontains=value))

    def with_words(self, events: Events, name: str, value: str) -> Events:
        """In what it was done to, what was written down about it, or the request's name."""
        texts = {f"{each}_text": Cast(each, TextField()) for each in ("before", "after", "detail")}
        found = Q(object__icontains=value) | Q(request=value) | Q(acting_as__icontains=value)
        for each in texts:
            found |= Q(**{f"{each}__icontains": value})
        return events.alias(**texts).filter(found)

    def from_day(self, events: Events, name: str, value: date) -> Events:
        """That day is part of it; days are those of UTC, as the page shows them."""
        return events.filter(at__gte=_midnight(value))

    def to_day(self, events: Events, name: str, value: date) -> Events:
        """That day is part of it."""
        return events if value == date.max else events.filter(at__lt=_midnight(value) + timedelta(days=1))


@require_safe
@allowed(Action.SEE_AUDIT)
def audit(request: ActorRequest) -> HttpResponse:
    """Newest first, page by page by keyset."""
    return _page(request, _filtered(request, request.GET))


@require_POST
@allowed(Action.SEE_AUDIT)
def audit_export(request: ActorRequest) -> HttpResponse:
    """What the filter leaves, as it was before this export, which is written down itself."""
    chosen = _filtered(request, request.POST)
    if not chosen.form.is_valid():
        return _page(request, chosen)
    actor = request.actor
    asked = {name: str(value) for name, value in chosen.form.cleaned_data.items() if value}
    told: dict[str, Any] = {"filter": asked} if asked else {}
    written = AuditEvent.of(
        "export.audit", actor.workspace, actor=actor.user, acting_as=actor.capacity, **told
    )
    written.save()
    events = chosen.qs.filter(pk__lt=written.pk).order_by("-id")
    return download(f"{actor.workspace} audit", HEADER, _rows(events))


def _filtered(request: ActorRequest, asked: Any) -> AuditFilter:
    events = AuditEvent.objects.filter(workspace=request.actor.workspace).select_related("actor")
    return AuditFilter(asked, queryset=events)


def _page(request: ActorRequest, chosen: AuditFilter) -> HttpResponse:
    """With an error at its field nothing is listed: a wrong date must not look like an answer."""
    valid = chosen.form.is_valid()
    found = list(_after(chosen.qs, request.GET.get("after", ""))[: PAGE + 1]) if valid else []
    query = (request.POST if request.method == "POST" else request.GET).copy()
    for name in ("after", "csrfmiddlewaretoken"):
        query.pop(name, None)
    context = {
        "filter": chosen,
        "events": [_told(each) for each in found[:PAGE]],
        "next": _cursor(found[PAGE - 1]) if len(found) > PAGE else "",
        "query": query.urlencode(),
        "is_filtered": any(query.values()),
    }
    return render(request, "team/audit.html", context, status=200 if valid else 422)


def _told(event: AuditEvent) -> dict[str, Any]:
    return {
        "event": event,
        "doer": audit_words.doer(event),
        "words": audit_words.words(event),
        "thing": audit_words.thing(event),
        "changes": audit_words.changes(event),
        "facts": audit_words.facts(event),
    }


def _after(events: Events, cursor: str) -> Events:
    with suppress(signing.BadSignature):  # an odd cursor is the first page
        events = events.filter(pk__lt=signing.loads(cursor, salt=CURSOR_SALT))
    return events.order_by("-id")


def _cursor(last: AuditEvent) -> str:
    return signing.dumps(last.pk, salt=CURSOR_SALT)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _rows(events: Events) -> Iterator[list[Any]]:
    for event in events.iterator(chunk_size=500):
        changes = audit_words.changes(event)
        yield [
            event.pk,
            event.at,
            audit_words.doer(event),
            event.actor.email if event.actor else "",
            event.acting_as,
            event.verb,
            audit_words.words(event),
            event.object,
            _joined((each.name, each.before) for each in changes),
            _joined((each.name, each.after) for each in changes),
            _joined(audit_words.facts(event)),
            event.request,
        ]


def _joined(pairs: Any) -> str:
    return "; ".join(f"{name}: {value}" for name, value in pairs if value is not None)
