"""Queue, gallery and the answer to “what changed?”: lists of cards."""

import uuid
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import paging
from accounts.actor import ActorRequest, with_actor
from accounts.middleware import address_in, address_out
from accounts.models import Wallet
from accounts.policy import Action, Actor
from generations.gallery_forms import GalleryFilter
from generations.models import OPEN, Generation, State
from generations.views.back import where
from generations.waits import explain, team_order

PAGE = 24
# A page lists no more cards than it has; more ids than this in one question are somebody's experiment.
MOST_WATCHED = 60
MOST_PARKED = 12
CURSOR_SALT = "gallery"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The studio's front door: people come to make something, viewers to look."""
    actor: Actor | None = getattr(request, "actor", None)
    # Not `is not None`: the actor is lazy, and only its truth is the answer.
    makes = actor.may(Action.CREATE) if actor else False
    page = reverse("generations:create" if makes else "generations:gallery")
    # From here on the address says which workspace it is about, whatever is chosen in another tab.
    return redirect(address_in(actor.workspace.pk, address_out(page)) if actor else page)


@require_safe
@with_actor
def gallery(request: ActorRequest) -> HttpResponse:
    """Mine first, unless I may make none; the workspace's one click away; newest first, by keyset."""
    whose = request.GET.get("whose") or ("mine" if request.actor.may(Action.CREATE) else "team")
    team = whose == "team"
    seen = Generation.objects.visible_to(request.actor)
    if not team:
        seen = seen.filter(author=request.actor.user)
    filtered = GalleryFilter(request.GET, queryset=seen, request=request)
    place = paging.read(request.GET.get("after", ""), CURSOR_SALT)
    found = paging.newest(filtered.found.for_cards(), place)[: PAGE + 1]
    cards, following = paging.cut(list(found), PAGE, CURSOR_SALT)
    explain(cards)
    context = {
        "cards": cards,
        "next": following,
        "filter": filtered,
        "filtered_by": filtered.by,
        "team": team,
        "query": _without_cursor(request),
    }
    template = (
        "generations/gallery.html#cards"
        if "after" in request.GET and _is_htmx(request)
        else "generations/gallery.html"
    )
    return render(request, template, context)


@require_safe
@with_actor
def queue(request: ActorRequest) -> HttpResponse:
    """What is being made in this workspace, what comes next, and what ended lately."""
    seen = Generation.objects.visible_to(request.actor).for_cards()
    places = team_order(request.actor.workspace.pk)
    next_up = [key for key, place in places.items() if place <= MOST_WATCHED]
    under_way = ~Q(state=State.QUEUED, turn_at=None) & ~Q(state=State.AWAITING)
    found = seen.filter(Q(pk__in=next_up) | under_way, state__in=OPEN)
    rows = sorted(found, key=lambda each: (places.get(each.pk, 0), each.created_at, each.take))
    shown = rows[:MOST_WATCHED]
    parked = list(seen.awaiting().order_by("created_at", "take")[:MOST_PARKED])
    explain([*shown, *parked])
    ended = seen.exclude(state__in=OPEN).order_by("-created_at", "-id")
    context = {
        "open": shown,
        "parked": parked,
        "watched": [*parked, *shown][:MOST_WATCHED],
        "more": len(rows) - len(next_up) + len(places) - len(shown),
        # One that ended since the line above was asked would stand on the page twice.
        "ended": list(ended.exclude(pk__in=[each.pk for each in [*shown, *parked]])[:12]),
    }
    return render(request, "generations/queue.html", context)


@require_safe
@with_actor
def live(request: ActorRequest) -> HttpResponse:
    """The cards that changed since the page was drawn: `?c=<id>:<revision>` each; 204 when none did."""
    known: dict[str, str] = {}
    for each in request.GET.getlist("c")[:MOST_WATCHED]:
        key, _, revision = each.partition(":")
        if (known_key := _uuid(key)) is not None:
            known[str(known_key)] = revision
    seen = list(Generation.objects.visible_to(request.actor).for_cards().filter(pk__in=known))
    explain(seen)
    changed = [each for each in seen if each.revision != known[str(each.pk)]]
    if not changed:
        return HttpResponse(status=204)
    on_the_queue = where(request).endswith(reverse("generations:queue"))
    if on_the_queue and any(known[str(each.pk)].startswith(State.AWAITING) for each in changed):
        # It stands under a heading that says that it waits for approval.
        return HttpResponse(headers={"HX-Refresh": "true"})
    wallet = Wallet.objects.get(workspace=request.actor.workspace)
    open_now = [each for each in seen if each.is_open]
    return render(
        request,
        "generations/_live.html",
        {
            "changed": changed,
            "open": open_now,
            "wallet": wallet,
            "detail": "detail" in request.GET,
            "tools": not on_the_queue,
        },
    )


def _without_cursor(request: ActorRequest) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    return query.urlencode()


def _is_htmx(request: Any) -> bool:
    return bool(getattr(request, "htmx", False))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
