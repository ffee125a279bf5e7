"""Knows, for each request, in which workspace the person acts: `request.actor`."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject

from accounts.models import Membership
from accounts.policy import Actor

SESSION_KEY = "workspace"


def current(request: HttpRequest) -> Actor | None:
    """The chosen workspace if the person is still in it, else their first; None for strangers.

    Read anew for each request, so removal and demotion work on the next one.
    """
    if not request.user.is_authenticated:
        return None
    memberships = list(
        Membership.objects.filter(user=request.user).select_related("user", "workspace", "workspace__wallet")
    )
    chosen = request.session.get(SESSION_KEY)
    memberships.sort(key=lambda each: (str(each.workspace_id) != chosen, not each.workspace.personal))
    return Actor.of(memberships[0]) if memberships else None


class WorkspaceMiddleware:
    """Sets `request.actor` lazily: pages that never ask cost no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: current(request))  # type: ignore[attr-defined]  # ours
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            # A page about one person is nothing for a shared cache, and stale after the next click.
            patch_cache_control(response, private=True, no_cache=True)
        return response
