"""Ending a membership: what somebody kept to themselves stays, and is the workspace's from then on."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import team
from accounts.actor import ActorRequest, with_actor
from accounts.models import AuditEvent, User
from accounts.policy import Actor
from accounts.team_views import answer, member_of
from generations.models import Generation, Visibility


@require_POST
@with_actor
def member_remove(request: ActorRequest, pk: int) -> HttpResponse:
    """Out, from the next request on."""
    member = member_of(request.actor, pk)

    def act() -> None:
        with transaction.atomic():
            team.remove(request.actor, member)
            _hand_over(request.actor, member.user)

    return answer(request, act, f"{member.user} is not in the team any more. Their clips stay here.")


@require_POST
@with_actor
def leave(request: ActorRequest) -> HttpResponse:
    """Oneself; the last owner cannot."""
    actor = request.actor
    try:
        with transaction.atomic():
            team.leave(actor)
            _hand_over(actor, actor.user)
    except team.NotAllowed:
        return render(request, "403.html", status=403)
    except team.Refused as refused:
        messages.error(request, str(refused))
        return redirect("accounts:members")
    messages.success(request, f"You have left {actor.workspace}.")
    return redirect("/")  # not below the workspace's address, which is not theirs any more


def _hand_over(actor: Actor, author: User) -> None:
    """Nobody else could see what is private to somebody who is gone."""
    private = Generation.objects.filter(
        workspace=actor.workspace, author=author, visibility=Visibility.PRIVATE
    )
    if clips := private.update(visibility=Visibility.WORKSPACE):
        AuditEvent.of(
            "generation.handed_over",
            actor.workspace,
            actor=actor.user,
            acting_as=actor.capacity,
            before={"visibility": Visibility.PRIVATE},
            after={"visibility": Visibility.WORKSPACE},
            author=author.email,
            clips=clips,
        ).save()
