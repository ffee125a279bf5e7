"""The budgets of a workspace: what is spent of each, and setting them."""

import uuid
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import budgets as verbs
from accounts.actor import ActorRequest, allowed, with_actor
from accounts.models import ApiToken, Budget, Membership, Role
from accounts.policy import Action, Actor
from generations.catalogue import CATALOGUE, Quality, resolution_label

PAGE = 50
CURSOR_SALT = "budgets"
MOST = 100_000_000
EVERYBODY = "workspace"


class LimitForm(forms.Form):
    """How much, and what becomes of more."""

    most = forms.IntegerField(
        label="Credits a month", min_value=0, max_value=MOST, help_text="0 allows nothing by itself."
    )
    beyond = forms.ChoiceField(
        label="A shot that does not fit",
        choices=[("refuse", "Refuse it"), ("ask", "Ask for approval")],
        widget=forms.RadioSelect,
        initial="refuse",
    )


class BudgetForm(LimitForm):
    """A new budget: whose, for what, how much."""

    who = forms.ChoiceField(label="Whose")
    tier = forms.ChoiceField(label="Model", required=False)
    resolution = forms.ChoiceField(label="Resolution", required=False)
    field_order = ["who", "tier", "resolution", "most", "beyond"]

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        for name, choices in {"who": _people(actor), "tier": _tiers(), "resolution": _resolutions()}.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def budget(self) -> Budget:
        """Unsaved; of a valid form."""
        data = self.cleaned_data
        wanted = Budget(tier=data["tier"], resolution=data["resolution"])
        wanted.most, wanted.beyond = data["most"], data["beyond"]
        kind, _, key = data["who"].partition(":")
        if kind == "role":
            wanted.role = key
        elif kind == "member":
            wanted.member_id = int(key)
        elif kind == "token":
            wanted.token_id = uuid.UUID(key)
        return wanted


def _people(actor: Actor) -> list[Any]:
    members = Membership.objects.active().filter(workspace=actor.workspace).select_related("user")
    tokens = ApiToken.objects.filter(workspace=actor.workspace, revoked_at=None).order_by("name")
    groups = [
        ("Everybody", [(EVERYBODY, "The whole workspace")]),
        (
            "Everybody with a role",
            [(f"role:{role.value}", f"All with the role {role.label}, together") for role in Role],
        ),
        (
            "One person",
            sorted(((f"member:{m.user_id}", str(m.user)) for m in members), key=lambda each: each[1]),
        ),
        ("One API token", [(f"token:{each.pk}", str(each)) for each in tokens]),
    ]
    return [(label, choices) for label, choices in groups if choices]


def _tiers() -> list[tuple[str, str]]:
    return [("", "Every model"), *((each.value, each.label) for each in Quality)]


def _resolutions() -> list[tuple[str, str]]:
    fields = (endpoint.field("resolution") for endpoint in CATALOGUE.values())
    known = {choice for field in fields if field for choice in field.choices}
    ranked = sorted(known, key=lambda each: (each.endswith("k"), len(each), each))
    return [("", "Every resolution"), *((each, resolution_label(each)) for each in ranked)]


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Action.SET_BUDGETS)
def budgets(request: ActorRequest) -> HttpResponse:
    """All of them, and one more."""
    if request.method != "POST":
        return _page(request, BudgetForm(request.actor))
    form = BudgetForm(request.actor, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        verbs.set_budget(request.actor, form.budget())
    except verbs.AlreadySet:
        form.add_error("who", "There is a budget about just this already. Change that one instead.")
    except verbs.Gone:
        form.add_error("who", "They left the workspace just now.")
    if form.errors:
        return _page(request, form, status=422)
    messages.success(request, "The budget is set. What was spent this month counts already.")
    return redirect("generations:budgets")


@require_POST
@with_actor
def change(request: ActorRequest, pk: int) -> HttpResponse:
    """Another limit for one of them."""
    budget = get_object_or_404(Budget, pk=pk, workspace=request.actor.workspace)
    if not request.actor.may(Action.SET_BUDGETS):
        return render(request, "403.html", status=403)
    form = LimitForm(request.POST, auto_id=f"id_{pk}_%s")
    if not form.is_valid():
        return _page(request, BudgetForm(request.actor), changing=(pk, form), status=422)
    data = form.cleaned_data
    if verbs.change(request.actor, budget, most=data["most"], beyond=data["beyond"]):
        messages.success(request, "The budget is changed.")
    return redirect("generations:budgets")


@require_POST
@with_actor
def remove(request: ActorRequest, pk: int) -> HttpResponse:
    """One limit less."""
    budget = get_object_or_404(Budget, pk=pk, workspace=request.actor.workspace)
    if not request.actor.may(Action.SET_BUDGETS):
        return render(request, "403.html", status=403)
    if verbs.drop(request.actor, budget):
        messages.success(request, "The budget is removed.")
    return redirect("generations:budgets")


def _page(
    request: HttpRequest,
    form: BudgetForm,
    *,
    changing: tuple[int, LimitForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = Budget.objects.filter(workspace=form.actor.workspace).select_related("member", "token")
    if changing:
        found = found.filter(pk=changing[0])
    with suppress(signing.BadSignature):  # an odd cursor is the first page
        found = found.filter(pk__gt=signing.loads(request.GET.get("after", ""), salt=CURSOR_SALT))
    rows = list(found.order_by("pk")[: PAGE + 1])
    for each in rows:
        initial = {"most": each.most, "beyond": each.beyond}
        own = LimitForm(initial=initial, auto_id=f"id_{each.pk}_%s")
        each.form = changing[1] if changing and changing[0] == each.pk else own  # type: ignore[attr-defined]
    more = signing.dumps(rows[PAGE - 1].pk, salt=CURSOR_SALT) if len(rows) > PAGE else ""
    context = {"form": form, "budgets": rows[:PAGE], "next": more, "alone": bool(changing)}
    return render(request, "team/budgets.html", context, status=status)
