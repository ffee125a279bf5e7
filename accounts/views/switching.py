"""Changing the workspace one acts in, and making another."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_http_methods, require_POST

from accounts import workspaces
from accounts.forms.workspaces import NameForm
from accounts.middleware import SESSION_KEY, address_in
from accounts.models import Membership
from accounts.policy import Action, Actor
from accounts.second_factor import outside_workspaces
from accounts.templatetags.team import TABS

GALLERY = "/gallery/"
# Pages that every workspace has one of, and what one must be allowed to do there to see it.
SAME: dict[str, Action] = {
    "generations:create": Action.CREATE,
    "generations:queue": Action.SEE,
    "generations:gallery": Action.SEE,
    "generations:bin": Action.SEE,
    "generations:credits": Action.SEE_CREDITS,
}


@require_POST
@outside_workspaces
def switch_workspace(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Act in another of one's workspaces: on the same page of it where it has such a page."""
    mine = Membership.objects.active().filter(user=request.user.pk)
    membership = get_object_or_404(mine.select_related("user", "workspace"), workspace=pk)
    workspace = membership.workspace
    request.session[SESSION_KEY] = str(workspace.pk)
    messages.success(request, f"You are now in {workspace}.")
    return redirect(address_in(workspace.pk, same_page(request.POST.get("next", ""), Actor.of(membership))))


def same_page(path: str, actor: Actor) -> str:
    """`path` if it is a page that is there in every workspace and open to the actor; else the gallery.

    Only what our own addresses consist of comes out of it, so it leads nowhere else.
    """
    try:
        name = resolve(path).view_name
    except Resolver404:
        return GALLERY
    tabs = {tab: action for tab, _, action in TABS}
    action = SAME.get(name) or tabs.get(name)
    return path if action and actor.may(action) else GALLERY


@require_http_methods(["GET", "HEAD", "POST"])
@outside_workspaces
def new_workspace(request: HttpRequest) -> HttpResponse:
    """Make another workspace, and act in it."""
    form = NameForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            workspace = workspaces.create(request.user, form.cleaned_data["name"])  # type: ignore[arg-type]
        except workspaces.Refused as refused:
            form.add_error("name", str(refused))
        else:
            request.session[SESSION_KEY] = str(workspace.pk)
            messages.success(request, f"{workspace} is yours. Whoever runs Dailies gives it credits.")
            return redirect(address_in(workspace.pk, "/"))
    return render(request, "accounts/workspace_new.html", {"form": form}, status=422 if form.errors else 200)
