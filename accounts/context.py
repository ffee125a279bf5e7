"""What every signed-in page shows: the balance and the workspaces to switch between."""

from typing import Any

from django.http import HttpRequest

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
