"""What every signed-in page shows: the balance, the bell and the workspaces to switch between."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import second_factor
from accounts.bell import latest
from accounts.inviting import waiting_at
from accounts.models import Membership, User, Workspace


def wallet(request: HttpRequest) -> dict[str, Any]:
    """`actor` and its `wallet`, and `workspaces` as a lazy query that only the menu runs.

    `grace_days`: how long the workspace still lets them in without a second factor; `shut_out`: that it
    does not, or that this session has not shown one, so even the balance is not theirs to see.
    """
    actor = getattr(request, "actor", None)
    if not actor:
        return {"actor": None}
    mine = Membership.objects.active().filter(user=actor.user)
    return {
        "actor": actor,
        "wallet": actor.workspace.wallet,
        "workspaces": Workspace.objects.filter(memberships__in=mine).order_by("name"),
        "shut_out": second_factor.due(actor.workspace) and not _proven(request, actor.user),
        "grace_days": second_factor.days_left(actor.user, actor.workspace),
    }


def _proven(request: HttpRequest, user: User) -> bool:
    return second_factor.shown(request) and second_factor.factors_of(user).exists()


def bell(request: HttpRequest) -> dict[str, Any]:
    """`bell`: the last few lines for whoever is signed in, asked for only by templates that show it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"bell": []}
    return {"bell": SimpleLazyObject(lambda: latest(user, proven=second_factor.shown(request)))}


def factor(request: HttpRequest) -> dict[str, Any]:
    """`asked_by`: who turns this person away until they have a second factor, in words, or nobody."""
    return {"asked_by": SimpleLazyObject(lambda: _asked_by(request))}


def invited(request: HttpRequest) -> dict[str, Any]:
    """`invited_to`: the workspace whose invitation waits behind a sign-in or sign-up, or None."""
    return {"invited_to": SimpleLazyObject(lambda: _invited_to(request))}


def _invited_to(request: HttpRequest) -> Workspace | None:
    found = waiting_at(request.POST.get("next") or request.GET.get("next", ""))
    return found.workspace if found else None


def _asked_by(request: HttpRequest) -> str:
    user, actor = request.user, getattr(request, "actor", None)
    if actor and second_factor.needs_second_factor(actor.user, actor.workspace):
        return str(actor.workspace)
    if isinstance(user, User) and second_factor.staff_needs_it(user):
        return "The back office"
    return ""
