"""Closing a workspace: what stays, what is still open, and the typed confirmation."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import workspaces
from accounts.actor import ActorRequest, allowed
from accounts.forms.workspaces import ClosingForm
from accounts.middleware import SESSION_KEY, address_out
from accounts.policy import Action, Actor
from generations.models import OPEN, Generation


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Action.CLOSE)
def close(request: ActorRequest) -> HttpResponse:
    """Show what closing means, or do it."""
    actor = request.actor
    form = ClosingForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            _close(actor, form.cleaned_data["name"])
        except workspaces.Refused as refused:
            form.add_error("name", str(refused))
        else:
            request.session.pop(SESSION_KEY, None)
            messages.success(request, f"{actor.workspace} is closed.")
            return redirect(address_out(reverse("generations:home")))
    context = {"form": form, "open": _open(actor), "wallet": actor.workspace.wallet}
    return render(request, "team/close.html", context, status=422 if form.errors else 200)


def _close(actor: Actor, typed: str) -> None:
    """Looked for after the wallet is closed and in its transaction: an order in between has no chance."""
    with transaction.atomic():
        workspaces.close(actor, typed)
        if _open(actor):
            raise workspaces.Refused("Some clips are still open here. Wait for them, decide or cancel them.")


def _open(actor: Actor) -> bool:
    return Generation.objects.filter(workspace=actor.workspace, state__in=OPEN).exists()
