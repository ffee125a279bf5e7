"""Ending a membership: what somebody kept to themselves stays, and is the workspace's from then on."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import team
from accounts.actor import ActorRequest, with_actor
from accounts.views.members import answer, member_of
from generations import sharing


@require_POST
@with_actor
def member_remove(request: ActorRequest, pk: int) -> HttpResponse:
    """Out, from the next request on."""
    member = member_of(request.actor, pk)

    def act() -> None:
        with transaction.atomic():
            team.remove(request.actor, member)
            sharing.pass_on(request.actor, member.user)

    return answer(request, act, f"{member.user} is not in the team any more. Their clips stay here.")


@require_POST
@with_actor
def leave(request: ActorRequest) -> HttpResponse:
    """Oneself; the last owner cannot."""
    actor = request.actor
    try:
        with transaction.atomic():
            team.leave(actor)
            sharing.pass_on(actor, actor.user)
    except team.NotAllowed:
        return render(request, "403.html", status=403)
    except team.Refused as refused:
        messages.error(request, str(refused))
        return redirect("accounts:members")
    messages.success(request, f"You have left {actor.workspace}.")
    return redirect("/")  # not below the workspace's address, which is not theirs any more
