"""Who is asking, for views: a signed-in person in a workspace, or a page that says what is missing."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Workspace
from accounts.policy import Action, Actor

P = ParamSpec("P")


class ActorRequest(HttpRequest):
    """A request whose actor is known."""

    actor: Actor


def with_actor(
    view: Callable[Concatenate[ActorRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For people in at least one workspace; whoever is in none is told so, or where they are suspended."""

    @wraps(view)
    def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not getattr(request, "actor", None):
            return render(
                request, "accounts/no_workspace.html", {"suspended": _suspended(request)}, status=403
            )
        return view(request, *args, **kwargs)  # type: ignore[arg-type]  # checked just above

    return inner


def _suspended(request: HttpRequest) -> list[Workspace]:
    shut = Workspace.objects.filter(
        closed_at=None, memberships__user=request.user.pk, memberships__suspended_at__isnull=False
    )
    return list(shut.order_by("name", "pk"))


def allowed(
    action: Action,
) -> Callable[
    [Callable[Concatenate[ActorRequest, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, P], HttpResponse],
]:
    """For those whom the policy lets do it; others are told so, whatever the address names."""

    def decorate(
        view: Callable[Concatenate[ActorRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def inner(request: ActorRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.actor.may(action):
                return render(request, "403.html", status=403)
            return view(request, *args, **kwargs)

        return with_actor(inner)

    return decorate
