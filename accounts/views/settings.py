"""The settings of a workspace: its name, second factors, who owns it, and the way out."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import workspaces
from accounts.actor import ActorRequest, allowed
from accounts.forms.workspaces import HeirForm, NameForm, SecondFactorForm
from accounts.models import Membership, Role
from accounts.policy import Action
from accounts.second_factor import without_one

MOST_NAMED = 12


@require_safe
@allowed(Action.RENAME)
def settings(request: ActorRequest) -> HttpResponse:
    """What can be set, to those who may."""
    return _page(request)


@require_POST
@allowed(Action.RENAME)
def rename(request: ActorRequest) -> HttpResponse:
    """Another name."""
    form = NameForm(request.POST)
    return _done(
        request,
        {"name_form": form},
        "name",
        lambda: workspaces.rename(request.actor, form.cleaned_data["name"]),
        "The workspace has its new name.",
    )


@require_POST
@allowed(Action.REQUIRE_MFA)
def require_second_factor(request: ActorRequest) -> HttpResponse:
    """Turn the requirement on, move its date, or turn it off."""
    form = SecondFactorForm(request.POST)
    return _done(
        request,
        {"factor_form": form},
        "required",
        lambda: workspaces.require_second_factor(request.actor, form.days),
        "Saved: who needs two-step sign-in here, and from when on.",
    )


@require_POST
@allowed(Action.TRANSFER)
def transfer(request: ActorRequest) -> HttpResponse:
    """Make another member the owner."""
    form = HeirForm(request.actor, request.POST)
    return _done(
        request,
        {"heir_form": form},
        "member",
        lambda: workspaces.transfer(request.actor, form.cleaned_data["member"]),
        "The workspace is handed over; you are an admin of it now.",
    )


def _done(
    request: ActorRequest, named: dict[str, Any], field: str, act: Callable[[], None], word: str
) -> HttpResponse:
    """Do it if the form is valid, and say so; else the page again with what is wrong at its field."""
    (form,) = named.values()
    if form.is_valid():
        try:
            act()
        except workspaces.Refused as refused:
            form.add_error(field, str(refused))
        else:
            messages.success(request, word)
            return redirect("accounts:settings")
    return _page(request, named, status=422)


def _page(request: ActorRequest, forms: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    actor = request.actor
    owner = actor.may(Action.REQUIRE_MFA)
    others = Membership.objects.active().filter(workspace=actor.workspace).exclude(user=actor.user)
    roles = set(others.order_by().values_list("role", flat=True).distinct())
    lacking = list(without_one(actor.workspace)[: MOST_NAMED + 1]) if owner else []
    context: dict[str, Any] = {
        "name_form": NameForm(initial={"name": actor.workspace.name}),
        "factor_form": SecondFactorForm.as_it_is(actor.workspace.mfa_from),
        "heir_form": HeirForm(actor),
        "heirs": bool(roles),
        "last_owner": actor.role == Role.OWNER and Role.OWNER not in roles,
        "lacking": lacking[:MOST_NAMED],
        "lacking_more": len(lacking) > MOST_NAMED,
    }
    return render(request, "team/settings.html", context | (forms or {}), status=status)
