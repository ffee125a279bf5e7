"""One generation: everything known about it, and what can be done with it."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import ActorRequest, with_actor
from accounts.models import AuditEvent, LedgerEntry
from accounts.policy import Action, Actor
from generations import cancelling, sharing
from generations.catalogue import CATALOGUE, Field
from generations.models import Collection, Generation, Upload
from generations.orders import price
from generations.views import statement, timeline
from generations.waits import explain


def _seen(request: ActorRequest, pk: uuid.UUID) -> Generation:
    return get_object_or_404(Generation.objects.visible_to(request.actor).for_cards(), pk=pk)


@require_safe
@with_actor
def detail(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Player, settings, cost lines and the full timeline."""
    generation = _seen(request, pk)
    explain([generation])
    return render(request, "generations/detail.html", facts(request, generation))


def facts(request: ActorRequest, generation: Generation) -> dict[str, Any]:
    """All that the detail page shows."""
    endpoint = CATALOGUE.get(generation.endpoint)
    may = request.actor.may_on
    prefetch_related_objects([generation], "changes")  # both ways of telling the story read them
    # Not `hold=None`: every entry without a hold would answer to that.
    entry = LedgerEntry.objects.filter(hold=generation.hold_id).first() if generation.hold_id else None
    return {
        "generation": generation,
        "endpoint": endpoint,
        "settings": _settings(generation),
        "uploads": _uploads(request.actor, generation),
        "timeline": timeline.told(generation),
        "technical": timeline.technical(generation),
        "entry": entry,
        "entry_page": statement.cursor(entry.seq + 1) if entry else "",
        "parent": generation.remix_of,
        "may_cancel": may(Action.CREATE, Action.CANCEL_ANY, generation.author_id),
        "form_key": uuid.uuid4(),
        "price_now": _price_now(generation),
        "may_delete": may(Action.CREATE, Action.DELETE_ANY, generation.author_id),
        "choices": sharing.choices(request.actor, generation),
        "shared_address": sharing.address_of(generation),
        "inside": list(Collection.objects.visible_to(request.actor).filter(clips=generation)),
    }


def _price_now(generation: Generation) -> int | None:
    """What it would cost to run it again today; None when its model is not offered any more."""
    endpoint = CATALOGUE.get(generation.endpoint)
    return price(endpoint, generation.input, takes=1).total if endpoint else None


def _settings(generation: Generation) -> list[dict[str, Any]]:
    """What was chosen, with what differs from the default marked."""
    rows = []
    endpoint = CATALOGUE.get(generation.endpoint)
    for described in endpoint.fields if endpoint else ():
        if described.kind.is_media or described.name == "prompt":
            continue
        value = generation.input.get(described.name)
        if value is not None:
            shown = (
                ("off", "on")[value] if isinstance(value, bool) else dict(described.labels).get(value, value)
            )
            rows.append({"label": described.label, "value": shown, "changed": _chosen(described, value)})
    return rows


def _chosen(described: Field, value: Any) -> bool:
    """Whether somebody decided it: a seed is always there, for we draw one when nobody gives one."""
    return value != described.default and described.name != "seed"


def _uploads(actor: Actor, generation: Generation) -> list[Upload]:
    ids: list[str] = []
    endpoint = CATALOGUE.get(generation.endpoint)
    for described in endpoint.media_fields if endpoint else ():
        value = generation.input.get(described.name) or []
        ids += value if isinstance(value, list) else [value]
    found = {str(each.pk): each for each in Upload.objects.visible_to(actor).filter(pk__in=ids)}
    return [found[each] for each in ids if each in found]


@require_POST
@with_actor
def cancel(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Free at once while queued; afterwards a request to fal, which may come too late."""
    generation = _seen(request, pk)
    if not request.actor.may_on(Action.CREATE, Action.CANCEL_ANY, generation.author_id):
        return render(request, "403.html", status=403)
    outcome = cancelling.cancel(generation, request.actor)
    if outcome is cancelling.Outcome.CANCELLED:
        back = (
            f"{generation.cost} credits are available again."
            if generation.hold
            else "Nothing was held for it."
        )
        messages.success(request, f"Cancelled. {back}")
    elif outcome is cancelling.Outcome.ASKED:
        messages.info(request, "Asked to stop. If the clip is finished first, it is kept and charged.")
    else:
        messages.info(request, "It has ended already.")
    if request.POST.get("next") == "queue":  # whoever tidies the queue stays there
        return redirect("generations:queue")
    return redirect("generations:detail", pk=pk)


def _write_down(verb: str, generation: Generation, actor: Actor) -> None:
    AuditEvent.of(verb, generation, actor=actor.user, acting_as=actor.capacity).save()


@require_POST
@with_actor
def delete(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """To the bin: gone from every page; the row, its file and its accounting stay."""
    generation = _seen(request, pk)
    if not request.actor.may_on(Action.CREATE, Action.DELETE_ANY, generation.author_id):
        return render(request, "403.html", status=403)
    if generation.is_open:
        messages.error(request, "It is still being made. Cancel it first.")
        return redirect("generations:detail", pk=pk)
    Generation.objects.filter(pk=pk).update(deleted_at=timezone.now())
    _write_down("generation.deleted", generation, request.actor)
    messages.success(request, "Moved to the bin.")
    return redirect("generations:gallery")


@require_POST
@with_actor
def restore(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Out of the bin again."""
    away = Generation.objects.in_bin_of(request.actor)
    generation = get_object_or_404(away, pk=pk)
    if not request.actor.may_on(Action.CREATE, Action.DELETE_ANY, generation.author_id):
        return render(request, "403.html", status=403)
    Generation.objects.filter(pk=pk).update(deleted_at=None)
    _write_down("generation.restored", generation, request.actor)
    messages.success(request, "Back in the gallery.")
    return redirect("generations:detail", pk=pk)


@require_safe
@with_actor
def binned(request: ActorRequest) -> HttpResponse:
    """What was moved to the bin, newest first."""
    away = Generation.objects.in_bin_of(request.actor)
    cards = away.for_cards().order_by("-deleted_at")[:48]
    return render(request, "generations/bin.html", {"cards": cards})
