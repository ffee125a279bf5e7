"""What awaits approval in a workspace, deciding about it, and what was decided."""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import ActorRequest, allowed, with_actor
from accounts.models import User
from accounts.policy import Action
from generations import approvals as verbs
from generations.models import Generation, State, StateChange
from generations.orders import Refused
from generations.parking import first_picture
from generations.waits import explain

PAGE, HISTORY = 20, 20
CURSOR_SALT, HISTORY_SALT = "approvals", "decided"


class DenyForm(forms.Form):
    """Why not."""

    reason = forms.CharField(
        label="Reason",
        max_length=400,
        error_messages={"required": "Say why: its author reads this."},
        widget=forms.TextInput(attrs={"placeholder": "Why, or what instead"}),
    )


@dataclass
class Asked:
    """One order that waits: its takes, and the form to deny it."""

    takes: list[Generation]
    form: DenyForm

    @property
    def first(self) -> Generation:
        """For what they have in common."""
        return self.takes[0]

    @property
    def total(self) -> int:
        """Credits, all takes."""
        return sum(each.cost for each in self.takes)

    @property
    def picture(self) -> str:
        """The id of an input picture, if there is one."""
        return first_picture(self.first)


@require_safe
@allowed(Action.APPROVE)
def approvals(request: ActorRequest) -> HttpResponse:
    """Oldest first, and below what was decided, newest first."""
    return _page(request)


@require_POST
@with_actor
def decide(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Approve, raise and approve, or deny, by the button that was pressed."""
    generation = get_object_or_404(Generation.objects.of(request.actor), pk=pk)
    if not request.actor.may(Action.APPROVE):
        return render(request, "403.html", status=403)
    form = DenyForm(request.POST, auto_id=f"id_{pk}_%s")
    decision = request.POST.get("decision", "")
    if decision == "deny" and not form.is_valid():
        return _page(request, wrong=(generation, form), status=422)
    try:
        messages.success(request, _done(request, decision, generation, form))
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("generations:approvals")


def _done(request: ActorRequest, decision: str, generation: Generation, form: DenyForm) -> str:
    if decision == "approve":
        takes = verbs.approve(request.actor, generation)
        return f"Approved: {sum(each.cost for each in takes)} credits are held, and it is in line."
    if decision == "raise":
        takes = verbs.raise_and_approve(request.actor, generation)
        return (
            f"The budget is raised, and {sum(each.cost for each in takes)} credits are held. It is in line."
        )
    if decision == "deny":
        verbs.deny(request.actor, generation, form.cleaned_data["reason"])
        return "Denied. Its author is told why."
    raise Refused("Choose what to do about it.")


def _page(
    request: ActorRequest, *, wrong: tuple[Generation, DenyForm] | None = None, status: int = 200
) -> HttpResponse:
    asked, more = _asked(request, wrong)
    decided, older = _decided(request)
    explain([each.first for each in asked])
    context = {"asked": asked, "next": more, "decided": decided, "older": older, "wrong": wrong}
    return render(request, "team/approvals.html", context, status=status)


def _asked(request: ActorRequest, wrong: tuple[Generation, DenyForm] | None) -> tuple[list[Asked], str]:
    """A page of orders: all takes of one order were written at the same moment."""
    waiting = Generation.objects.awaiting().filter(workspace=request.actor.workspace)
    orders = waiting.order_by("created_at", "form_key").values_list("created_at", "form_key").distinct()
    with suppress(signing.BadSignature):
        at, key = signing.loads(request.GET.get("after", ""), salt=CURSOR_SALT)
        last = datetime.fromisoformat(at), uuid.UUID(key)
        orders = orders.filter(TupleGreaterThan(Tuple("created_at", "form_key"), last))
    if wrong:
        orders = orders.filter(form_key=wrong[0].form_key)
    found = list(orders[: PAGE + 1])
    keys = [key for _, key in found[:PAGE]]
    grouped: dict[tuple[int, uuid.UUID], list[Generation]] = {}
    rows = waiting.filter(form_key__in=keys).select_related("author", "workspace")
    for each in rows.order_by("created_at", "form_key", "take"):
        grouped.setdefault((each.author_id, each.form_key), []).append(each)
    asked = [Asked(takes, _form(takes[0], wrong)) for takes in grouped.values()]
    if len(found) <= PAGE:
        return asked, ""
    at, key = found[PAGE - 1]
    return asked, signing.dumps([at.isoformat(), str(key)], salt=CURSOR_SALT)


def _form(first: Generation, wrong: tuple[Generation, DenyForm] | None) -> DenyForm:
    if wrong and wrong[0].form_key == first.form_key:
        return wrong[1]
    return DenyForm(auto_id=f"id_{first.pk}_%s")


def _decided(request: ActorRequest) -> tuple[list[StateChange], str]:
    """What left the waiting room, each with who decided (`by`)."""
    changes = StateChange.objects.filter(
        before=State.AWAITING, generation__workspace=request.actor.workspace
    ).select_related("generation__author")
    with suppress(signing.BadSignature):
        changes = changes.filter(pk__lt=signing.loads(request.GET.get("older", ""), salt=HISTORY_SALT))
    found = list(changes.order_by("-pk")[: HISTORY + 1])
    people: dict[Any, User] = User.objects.in_bulk({each.detail.get("by") for each in found} - {None})
    for each in found:
        each.by = people.get(each.detail.get("by"))  # type: ignore[attr-defined]  # for the page
    older = signing.dumps(found[HISTORY - 1].pk, salt=HISTORY_SALT) if len(found) > HISTORY else ""
    return found[:HISTORY], older
