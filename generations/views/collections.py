"""Collections: the list, one of them, and what people do with them."""

import uuid
from typing import Any

from django.contrib import messages
from django.core import signing
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actor import ActorRequest, allowed, with_actor
from accounts.policy import Action, Actor
from generations import collecting
from generations.gallery_forms import ClipsForm, CollectForm, CollectionForm
from generations.models import Collection, CollectionItem, Generation
from generations.views.back import back
from generations.waits import explain

PAGE, SHELF = 24, 48
CURSOR_SALT = "collection"


@require_http_methods(["GET", "HEAD", "POST"])
@with_actor
def collections(request: ActorRequest) -> HttpResponse:
    """By name, each with its newest picture; or make one."""
    form = CollectionForm(request.actor)
    if request.method == "POST":
        if not request.actor.may(Action.COLLECT):
            return render(request, "403.html", status=403)
        form = CollectionForm(request.actor, request.POST)
        if made := _made(request.actor, form):
            messages.success(request, f"“{made.name}” is there. Put clips into it from the gallery.")
            return redirect("generations:collection", pk=made.pk)
    shelf = _with_covers(request.actor).filter(name__gt=_loads(request, "")).order_by("name")
    shown = list(shelf[: SHELF + 1])
    context = {
        "collections": shown[:SHELF],
        "next": signing.dumps(shown[SHELF - 1].name, salt=CURSOR_SALT) if len(shown) > SHELF else "",
        "form": form,
    }
    return render(request, "generations/collections.html", context, status=422 if form.errors else 200)


def _made(actor: Actor, form: CollectionForm) -> Collection | None:
    if not form.is_valid():
        return None
    try:
        return collecting.create(actor, form.cleaned_data["name"])
    except collecting.NameTaken:
        form.refuse(form.cleaned_data["name"])
        return None


def _with_covers(actor: Actor) -> "QuerySet[Collection]":
    """With `count` and `cover` of what this actor sees in each: a private clip of others is neither."""
    inside = _items(actor).filter(collection=OuterRef("pk"))
    pictures = inside.filter(generation__clip__isnull=False).order_by("-id")
    counted = inside.order_by().values("collection").annotate(count=Count("pk")).values("count")
    return Collection.objects.visible_to(actor).annotate(
        count=Coalesce(Subquery(counted, output_field=IntegerField()), 0),
        cover=Subquery(pictures.values("generation")[:1], output_field=UUIDField()),
    )


def _items(actor: Actor) -> "QuerySet[CollectionItem]":
    seen = Generation.objects.visible_to(actor)
    return CollectionItem.objects.filter(generation__in=seen)


@require_safe
@with_actor
def collection(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Its clips, the one that was put in last first."""
    found = _found(request.actor, pk)
    return _page(request, found, CollectionForm(request.actor, initial={"name": found.name}, besides=found))


def _page(request: ActorRequest, found: Collection, form: CollectionForm, status: int = 200) -> HttpResponse:
    items = _items(request.actor).filter(collection=found).order_by("-id")
    before = _loads(request, 0)
    if before:
        items = items.filter(id__lt=before)
    shown = list(
        items.select_related("generation__author", "generation__hold", "generation__clip")[: PAGE + 1]
    )
    cards = [each.generation for each in shown[:PAGE]]
    explain(cards)
    context = {
        "collection": found,
        "cards": cards,
        "next": signing.dumps(shown[PAGE - 1].pk, salt=CURSOR_SALT) if len(shown) > PAGE else "",
        "form": form,
    }
    return render(request, "generations/collection.html", context, status=status)


@require_POST
@with_actor
def rename(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Another name."""
    found = _found(request.actor, pk)
    if not request.actor.may(Action.COLLECT):
        return render(request, "403.html", status=403)
    form = CollectionForm(request.actor, request.POST, besides=found)
    if form.is_valid():
        try:
            collecting.rename(request.actor, found, form.cleaned_data["name"])
        except collecting.NameTaken:
            form.refuse(form.cleaned_data["name"])
        except collecting.Gone:
            messages.error(request, "Somebody else renamed it a moment ago.")
            return redirect("generations:collection", pk=pk)
    if form.errors:
        return _page(request, found, form, status=422)
    messages.success(request, f"It is called “{found.name}” now.")
    return redirect("generations:collection", pk=pk)


@require_POST
@with_actor
def delete(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """The collection; its clips stay where they are."""
    found = _found(request.actor, pk)
    if not request.actor.may(Action.COLLECT):
        return render(request, "403.html", status=403)
    collecting.delete(request.actor, found)
    messages.success(request, f"“{found.name}” was deleted. Its clips are still in the gallery.")
    return redirect("generations:collections")


@require_POST
@allowed(Action.COLLECT)
def collect(request: ActorRequest) -> HttpResponse:
    """Put clips into a collection, or into a new one."""
    form = CollectForm(request.actor, request.POST)
    if not form.is_valid() or not (target := _target(request.actor, form)):
        return render(request, "generations/collect.html", {"form": form}, status=422)
    clips = form.cleaned_data["clips"]
    try:
        added = collecting.put_in(request.actor, target, clips)
    except collecting.Gone:
        raise Http404 from None
    messages.success(request, _told(target, added, len(clips)))
    return back(request, reverse("generations:collection", args=[target.pk]))


def _target(actor: Actor, form: CollectForm) -> Collection | None:
    known: Collection | None = form.cleaned_data["collection"]
    if known:
        return known
    try:
        return collecting.create(actor, form.cleaned_data["name"])
    except collecting.NameTaken:
        form.add_error("name", "There is a collection of this name already.")
        return None


def _told(target: Collection, added: int, chosen: int) -> str:
    if not added:
        return f"{'It is' if chosen == 1 else 'They are'} in “{target.name}” already."
    return f"Added to “{target.name}”." if chosen == 1 else f"{added} clips were added to “{target.name}”."


@require_POST
@with_actor
def uncollect(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Take clips out of it."""
    found = _found(request.actor, pk)
    if not request.actor.may(Action.COLLECT):
        return render(request, "403.html", status=403)
    form = ClipsForm(request.actor, request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(each) for each in form.errors["clips"]))
        return redirect("generations:collection", pk=pk)
    collecting.take_out(found, form.cleaned_data["clips"])
    messages.success(request, f"Taken out of “{found.name}”.")
    return back(request, reverse("generations:collection", args=[pk]))


def _found(actor: Actor, pk: uuid.UUID) -> Collection:
    return get_object_or_404(Collection.objects.visible_to(actor), pk=pk)


def _loads(request: HttpRequest, otherwise: Any) -> Any:
    """Where the page before ended; an odd cursor is the first page, and so is one of the other list."""
    try:
        cursor = signing.loads(request.GET.get("after", ""), salt=CURSOR_SALT)
    except signing.BadSignature:
        return otherwise
    return cursor if isinstance(cursor, type(otherwise)) else otherwise
