"""Knows, for each request, in which workspace the person acts: `request.actor`."""

import re
import uuid
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject

from accounts.models import Membership
from accounts.policy import Actor

SESSION_KEY = "workspace"
ADDRESS = re.compile(r"/w/(?P<workspace>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=/)")


def current(request: HttpRequest) -> Actor | None:
    """The workspace of the address; else the chosen one if the person is still in it, else their first.

    None for strangers. Read anew for each request, so removal, suspension and demotion work on the next one.
    """
    if not request.user.is_authenticated:
        return None
    memberships = list(
        Membership.objects.active()
        .filter(user=request.user)
        .select_related("user", "workspace", "workspace__wallet")
    )
    named: uuid.UUID | None = getattr(request, "workspace_in_address", None)
    if named:
        memberships = [each for each in memberships if each.workspace_id == named]
    chosen = request.session.get(SESSION_KEY)
    memberships.sort(key=lambda each: (str(each.workspace_id) != chosen, not each.workspace.personal))
    return Actor.of(memberships[0]) if memberships else None


def address_in(workspace: uuid.UUID, path: str) -> str:
    """A path of ours, in that workspace whatever the reader did last: for links in mails and menus."""
    return f"/w/{workspace}{path}"


def outside(path: str) -> str:
    """The same path without a workspace in front: for whoever is not, or no longer, in that one."""
    return ADDRESS.sub("", path, count=1)


class WorkspaceInAddress:
    """`/w/<workspace>/gallery/` is the gallery of that workspace, and so is every link on that page.

    It works as a mount point does: the views see the path without it, and `reverse` puts it in front. So
    two tabs may be in two workspaces, and a copied address opens what it showed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = ADDRESS.match(request.path_info)
        if not match:
            return self.get_response(request)
        mounted = get_script_prefix()
        request.workspace_in_address = uuid.UUID(match["workspace"])  # type: ignore[attr-defined]  # ours
        request.path_info = request.path_info[match.end() :]
        set_script_prefix(f"{mounted.rstrip('/')}{match[0]}/")
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(mounted)


class WorkspaceMiddleware:
    """Sets `request.actor` lazily: pages that never ask cost no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: current(request))  # type: ignore[attr-defined]  # ours
        named = hasattr(request, "workspace_in_address")
        if named and request.user.is_authenticated and not request.actor:  # type: ignore[attr-defined]  # ours
            raise Http404
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            # A page about one person is nothing for a shared cache, and stale after the next click.
            patch_cache_control(response, private=True, no_cache=True)
        return response


class SecondFactorMiddleware:
    """Where a second factor is required, who has none is asked to set one up first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)
