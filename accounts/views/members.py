"""The pages about who is in the team, and the buttons on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core import signing
from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import team
from accounts.actor import ActorRequest, allowed, with_actor
from accounts.models import Budget, Membership, Role
from accounts.policy import POLICY, Action, Actor
from accounts.views.invitations import pending

PAGE = 50
CURSOR_SALT = "members"
# What people are listed by: their name, or their address while they have told none.
NAME = Lower(Coalesce(NullIf("user__first_name", Value("")), "user__email", output_field=CharField()))


@dataclass(frozen=True)
class Row:
    """A member as the list shows them; `roles` are those that whoever looks can give them."""

    membership: Membership
    factor: bool
    budget: Budget | None
    roles: Sequence[Role]
    is_me: bool


@require_safe
@allowed(Action.SEE_TEAM)
def members(request: ActorRequest) -> HttpResponse:
    """Everybody by name, page by page; below, for whoever manages members, who was invited."""
    actor = request.actor
    words = request.GET.get("q", "").replace("\0", "").strip()[:100]
    people = _named(Membership.objects.filter(workspace=actor.workspace), words)
    shown = list(_after(people, request.GET.get("after", ""))[: PAGE + 1])
    context: dict[str, Any] = {
        "rows": _rows(actor, shown[:PAGE]),
        "next": _cursor(shown[PAGE - 1]) if len(shown) > PAGE else "",
        "q": words,
        "manages": actor.may(Action.MANAGE_MEMBERS),
    }
    if context["manages"]:
        context |= pending(request)
    return render(request, "team/members.html", context)


@require_safe
@with_actor
def roles(request: ActorRequest) -> HttpResponse:
    """The policy table itself."""
    table = [(action, [role in POLICY[action] for role in Role]) for action in Action]
    return render(request, "team/roles.html", {"roles": list(Role), "table": table})


def _named(people: "QuerySet[Membership]", words: str) -> "QuerySet[Membership]":
    named = people.select_related("user").annotate(name=NAME).order_by("name", "pk")
    if not words:
        return named
    return named.filter(Q(user__first_name__icontains=words) | Q(user__email__icontains=words))


def _rows(actor: Actor, shown: list[Membership]) -> list[Row]:
    """With budgets and second factors, one query each whatever their number."""
    ids = [each.user_id for each in shown]
    plain = Q(role="", token=None, tier="", resolution="")
    money = Budget.objects.filter(plain, workspace=actor.workspace, member__in=ids)
    if not actor.may(Action.SET_BUDGETS):
        money = money.filter(member=actor.user)
    budgets = {each.member_id: each for each in money}
    # Recovery codes alone are no second factor.
    real = Authenticator.objects.filter(user__in=ids).exclude(type=Authenticator.Type.RECOVERY_CODES)
    factors = set(real.values_list("user_id", flat=True))
    manages = actor.may(Action.MANAGE_MEMBERS)
    given = [role for role in Role if actor.covers(role)]
    return [
        Row(
            membership=each,
            factor=each.user_id in factors,
            budget=budgets.get(each.user_id),
            roles=given if manages and Role(each.role) in given else [],
            is_me=each.user_id == actor.user.pk,
        )
        for each in shown
    ]


def _after(people: "QuerySet[Membership]", cursor: str) -> "QuerySet[Membership]":
    try:
        name, key = signing.loads(cursor, salt=CURSOR_SALT)
    except signing.BadSignature:
        return people
    return people.filter(TupleGreaterThan(Tuple(F("name"), F("pk")), (name, key)))


def _cursor(last: Membership) -> str:
    return signing.dumps([cast(Any, last).name, last.pk], salt=CURSOR_SALT)


def member_of(actor: Actor, pk: int) -> Membership:
    """A membership of the actor's workspace; any other is a 404."""
    return get_object_or_404(Membership.objects.select_related("user"), pk=pk, workspace=actor.workspace)


def answer(request: ActorRequest, act: Callable[[], None], said: str) -> HttpResponse:
    """Do it and say so on the list, or say there why not; 403 where the policy does not give it."""
    try:
        act()
    except team.NotAllowed:
        return render(request, "403.html", status=403)
    except team.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, said)
    return redirect("accounts:members")


@require_POST
@with_actor
def member_role(request: ActorRequest, pk: int) -> HttpResponse:
    """Another role, from the next request on."""
    member = member_of(request.actor, pk)
    role = request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, "There is no such role.")
        return redirect("accounts:members")
    said = f"{member.user} is {Role(role).label} now."
    return answer(request, lambda: team.change_role(request.actor, member, role), said)


@require_POST
@with_actor
def member_suspend(request: ActorRequest, pk: int) -> HttpResponse:
    """Out until they are let in again, from the next request on."""
    member = member_of(request.actor, pk)
    said = f"{member.user} cannot get in until you let them in again."
    return answer(request, lambda: team.suspend(request.actor, member), said)


@require_POST
@with_actor
def member_reinstate(request: ActorRequest, pk: int) -> HttpResponse:
    """In again."""
    member = member_of(request.actor, pk)
    return answer(request, lambda: team.reinstate(request.actor, member), f"{member.user} is back.")
