"""The operator's page: what waits and why, and the few buttons that are safe at any time."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import AuditEvent
from generations import doorbell, vitals
from generations.models import Breaker, Delivery, Generation, State
from generations.timing import now

SHOWN = 20
MOST_WOKEN = 500


@require_http_methods(["GET", "HEAD", "POST"])
def operations(request: HttpRequest) -> HttpResponse:
    """Show, or do one of `ACTS` and show again. The admin site has checked that this is staff."""
    if not request.user.has_perm("generations.view_generation"):
        raise PermissionDenied
    if request.method != "POST":
        return TemplateResponse(request, "admin/operations.html", _page(request))
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        messages.error(request, "There is no such button.")
    else:
        act(request)
    return HttpResponseRedirect(reverse("admin:generations_operations"))


def _page(request: HttpRequest) -> dict[str, Any]:
    moment = now()
    breaker = Breaker.current()
    queue = vitals.queue()
    opened = Generation.objects.filter(wake_at__isnull=False).select_related("workspace")
    waiting = Delivery.objects.filter(processed_at=None).select_related("attempt")
    return admin.site.each_context(request) | {
        "title": "Operations",
        "moment": moment,
        "queue": queue,
        "states": [(state.label, queue.states.get(state, 0)) for state in State if state in queue.states],
        "lately": vitals.lately(),
        "beat": vitals.heartbeat(),
        "door": breaker,
        "closed": breaker.state == Breaker.State.CLOSED,
        "shut_for": vitals.shut_for(breaker),
        "places": vitals.places(breaker),
        "places_set": settings.FAL_MAX_IN_FLIGHT,
        "line": list(vitals.line_by_workspace()),
        "lists": [
            ("Due longest", Generation.objects.overdue(moment).select_related("workspace")[:SHOWN]),
            ("Ambiguous", opened.filter(state=State.AMBIGUOUS).order_by("deadline_at")[:SHOWN]),
            ("Past their deadline", opened.filter(deadline_at__lt=moment).order_by("deadline_at")[:SHOWN]),
        ],
        "deliveries": waiting.order_by("received_at")[:SHOWN],
        "may_try": request.user.has_perm("generations.change_breaker"),
    }


def _wake(request: HttpRequest) -> None:
    """One, if it does not sleep by its own wish: a bell changes nothing about that."""
    try:
        generation = Generation.objects.get(pk=uuid.UUID(request.POST.get("generation", "")))
    except (ValueError, Generation.DoesNotExist):
        messages.error(request, "There is no such generation.")
        return
    if generation.is_asleep:
        until = f"{generation.wake_at:%H:%M:%S}"
        messages.warning(request, f"It asked not to be looked at before {until}; nothing was done.")
        return
    wake([generation], by=request.user)
    messages.success(request, "Woken: a worker looks at it now.")


def _wake_all(request: HttpRequest) -> None:
    woken = wake(Generation.objects.overdue(now())[:MOST_WOKEN], by=request.user)
    messages.success(request, f"{woken} woken.")


def _try(request: HttpRequest) -> None:
    """Have the next probe, which costs nothing, now instead of after the pause."""
    if not request.user.has_perm("generations.change_breaker"):
        raise PermissionDenied
    breaker = Breaker.current()
    person: Any = request.user  # staff, as the admin site has checked
    with transaction.atomic():
        if not Breaker.objects.filter(pk=breaker.pk, state=Breaker.State.OPEN).update(until=now()):
            messages.warning(request, "Nothing is held back at the moment.")
            return
        AuditEvent.of("operations.try_fal", breaker, actor=person, reason=breaker.reason).save()
        doorbell.nudge()
    messages.success(request, "fal is asked now; look again in a few seconds.")


def wake(generations: Collection[Generation], *, by: Any) -> int:
    """Ring for each, where its next step is done; how many. Safe: a look takes the next step if any."""
    with transaction.atomic():
        AuditEvent.objects.bulk_create(
            AuditEvent.of("operations.woken", each, actor=by, state=each.state) for each in generations
        )
        for each in generations:
            doorbell.poke(each.pk, queue=doorbell.MEDIA if each.state == State.STORING else doorbell.DRIVE)
    return len(generations)


ACTS: dict[str, Callable[[HttpRequest], None]] = {"wake": _wake, "wake_all": _wake_all, "try": _try}
