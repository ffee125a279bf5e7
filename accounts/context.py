"""What every signed-in page shows: the balance, the bell and the workspaces to switch between."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.bell import latest
from accounts.models import Workspace


def wallet(request: HttpRequest) -> dict[str, Any]:
    """`actor` and its `wallet`, and `workspaces` as a lazy query that only the menu runs."""
    actor = getattr(request, "actor", None)
    if not actor:
        return {"actor": None}
    return {
        "actor": actor,
        "wallet": actor.workspace.wallet,
        "workspaces": Workspace.objects.filter(memberships__user=actor.user).order_by("name"),
    }


def bell(request: HttpRequest) -> dict[str, Any]:
    """`bell`: the last few lines for whoever is signed in, asked for only by templates that show it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"bell": []}
    return {"bell": SimpleLazyObject(lambda: latest(user))}
