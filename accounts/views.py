"""The statement, and changing the workspace one acts in."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.middleware import SESSION_KEY
from accounts.models import Membership, User, Workspace


@require_POST
def switch_workspace(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Act in another of one's workspaces from the next request on."""
    assert isinstance(request.user, User)  # everybody else was sent to sign in
    mine = Membership.objects.active().filter(user=request.user)
    workspace = get_object_or_404(Workspace, pk=pk, memberships__in=mine)
    request.session[SESSION_KEY] = str(workspace.pk)
    messages.success(request, f"You are now in {workspace}.")
    return redirect("generations:create")
