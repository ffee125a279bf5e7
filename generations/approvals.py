"""Deciding about what is over a budget: once, for all takes of an order, by compare-and-set.

Who approves holds the wallet first, as every verb does; so two who decide at once do so one after the other,
and the second finds that it was decided. The author's cancel and the deadline are told apart by the row.
"""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts import bell, budgets, letters
from accounts.models import ApiToken, AuditEvent, Budget, Hold, Membership, User, Wallet
from accounts.policy import Action, Actor
from generations import allowance, line
from generations.catalogue import CATALOGUE
from generations.fal.failures import Reason
from generations.models import EndpointSwitch, Generation, State
from generations.orders import Busy, NotAllowed, NotEnough, OffSale, OverBudget, Refused, set_aside
from generations.parking import settled
from generations.timing import QUEUE_DEADLINE, business, now

logger = logging.getLogger(__name__)


class Decided(Refused):
    """Somebody else, the author or the deadline was faster."""


def approve(actor: Actor, generation: Generation) -> list[Generation]:
    """An exception from the budgets that ask: hold the credits and let it go on. Raises Refused."""
    return _let_go(actor, generation, raising=False)


def raise_and_approve(actor: Actor, generation: Generation) -> list[Generation]:
    """Raise the budgets that ask by what is missing, then keep to them. Raises Refused."""
    if not actor.may(Action.SET_BUDGETS):
        raise NotAllowed(f"Your role in {actor.workspace} ({actor.role.label}) cannot set budgets.")
    return _let_go(actor, generation, raising=True)


def deny(actor: Actor, generation: Generation, reason: str) -> list[Generation]:
    """End it with a reason that its author reads. Raises Refused."""
    _may(actor)
    with budgets.wallet_locked(generation.workspace):
        end = {"cause": "denied", "reason": Reason.DENIED, "reason_detail": reason[:500]}
        by = {"by": actor.user.pk}
        ended = [
            each for each in _awaiting(actor, generation) if each.finish(State.CANCELLED, detail=by, **end)
        ]
        if not ended:
            raise Decided(_decided(generation))
        settled(ended[0])
        _audited("generation.denied", actor, ended, reason=reason)
        _tell_author(actor, ended, "denied", reason)
    return ended


def lapse(generation: Generation) -> None:
    """Nobody decided in time: end it, and tell its author."""
    with budgets.wallet_locked(generation.workspace):
        if generation.finish(State.CANCELLED, cause="nobody decided", reason=Reason.UNDECIDED):
            address = bell.path("generations:detail", generation.pk)
            text = f"Nobody decided in time about “{generation.prompt[:80]}”"
            bell.ring(_still_here(generation), generation.workspace, text, address)
            settled(generation)


def _let_go(actor: Actor, generation: Generation, *, raising: bool) -> list[Generation]:
    _may(actor)
    with transaction.atomic(), budgets.wallet_locked(actor.workspace):
        takes = _awaiting(actor, generation)
        if not takes:
            raise Decided(_decided(generation))
        author = _author(takes[0])
        endpoint = CATALOGUE[takes[0].endpoint]
        holds = [set_aside(author, endpoint, each.input, each.cost) for each in takes]
        raised = _make_room(actor, holds) if raising else []
        _take(actor, holds, approved=not raising)
        _line_up(actor, takes, holds)
        settled(takes[0])
        _audited("generation.approved", actor, takes, raised=raised)
        _tell_author(actor, takes, "approved")
        line.joined(takes)
    return takes


def _may(actor: Actor) -> None:
    if not actor.may(Action.APPROVE):
        raise NotAllowed(f"Your role in {actor.workspace} ({actor.role.label}) cannot approve shots.")


def _awaiting(actor: Actor, generation: Generation) -> list[Generation]:
    """All takes of the order that still wait, of the actor's workspace."""
    takes = Generation.objects.awaiting().filter(
        workspace=actor.workspace,
        author=generation.author_id,
        form_key=generation.form_key,
        deadline_at__gt=now(),
    )
    return list(takes.select_related("author", "workspace").order_by("take"))


def _decided(generation: Generation) -> str:
    state = Generation.objects.values_list("state", flat=True).get(pk=generation.pk)
    if state == State.AWAITING:
        return "The time to decide about it is over."
    return f"It was decided already: {State(state).label.lower()}."


def _author(generation: Generation) -> Actor:
    """Its author as they are now, if they still could order it."""
    member = Membership.objects.active().filter(user=generation.author, workspace=generation.workspace)
    found = member.select_related("user", "workspace").first()
    token = _token(generation)
    author = Actor.of(found, token) if found else None
    if author is None or not author.may(Action.CREATE) or (token and not token.is_live()):
        raise NotAllowed(f"{generation.author} may not create clips here any more, so it cannot be approved.")
    switch = EndpointSwitch.of(generation.endpoint)
    if generation.endpoint not in CATALOGUE or not switch.on_sale:
        raise OffSale(f"Its model is not offered at the moment. {switch.note}".strip())
    return author


def _token(generation: Generation) -> ApiToken | None:
    """The token it was ordered with, if it was one."""
    first = generation.changes.order_by("id").first()
    key = first.detail.get("token") if first else None
    return ApiToken.objects.filter(pk=uuid.UUID(key)).first() if key else None


def _make_room(actor: Actor, holds: Sequence[Hold]) -> list[dict[str, int]]:
    """Raise what asks and is in the way, by what is missing. The wallet is locked."""
    amount, raised = sum(each.amount for each in holds), []
    holds[0].wallet = Wallet.objects.get(workspace=actor.workspace)
    for each in Budget.objects.in_the_way(holds[0], amount):
        if each.beyond == Budget.Beyond.ASK:
            most, before = each.spent() + amount, each.most
            budgets.change(actor, each, most=most, beyond=each.beyond)
            raised.append({"budget": each.pk, "before": before, "after": most})
    return raised


def _take(actor: Actor, holds: Sequence[Hold], *, approved: bool) -> None:
    wallet, amount = Wallet.objects.get(workspace=actor.workspace), sum(each.amount for each in holds)
    if wallet.hold(holds, approved=approved):
        return
    if wallet.available < amount:
        raise NotEnough(f"It costs {amount} credits and {wallet.available} are available.")
    for each in Budget.objects.in_the_way(holds[0], amount):
        if each.beyond == Budget.Beyond.REFUSE:
            raise OverBudget(f"It costs {amount} credits, over {allowance.limit(each)}. Raise that first.")
    raise Busy("It did not get through. Nothing was changed; try again.")


def _line_up(actor: Actor, takes: Sequence[Generation], holds: Sequence[Hold]) -> None:
    """On with them, or nothing at all: one of them may be cancelled at this moment."""
    moment = now()
    until = moment + business(QUEUE_DEADLINE)
    for each, hold in zip(takes, holds, strict=True):
        fields = {"hold": hold, "wake_at": moment, "poked_at": moment, "deadline_at": until}
        if not each.move(State.QUEUED, cause="approved", detail={"by": actor.user.pk}, **fields):
            raise Decided("Something was decided about it just now. Look again.")


def _audited(verb: str, actor: Actor, takes: Sequence[Generation], **detail: Any) -> None:
    AuditEvent.of(
        verb,
        takes[0],
        actor=actor.user,
        acting_as=actor.capacity,
        before={"state": State.AWAITING.value},
        after={"state": str(takes[0].state)},
        takes=len(takes),
        credits=sum(each.cost for each in takes),
        author=takes[0].author_id,
        **detail,
    ).save()


def _tell_author(actor: Actor, takes: Sequence[Generation], decision: str, reason: str = "") -> None:
    """By bell and mail, unless they decided themselves or are not in the team any more."""
    first = takes[0]
    if first.author == actor.user or not _still_here(first):
        return
    address, total = bell.path("generations:detail", first.pk), sum(each.cost for each in takes)
    text = f"{actor.user} {decision} “{first.prompt[:80]}” ({total} credits)"
    bell.ring([first.author], first.workspace, f"{text}: {reason}" if reason else text, address)
    context = {
        "decider": actor.user,
        "workspace": first.workspace,
        "generation": first,
        "prompt": first.prompt,
        "takes": len(takes),
        "total": total,
        "reason": reason,
        "link": bell.link(first.workspace, address),
    }
    letters.write(first.author.email, f"approval_{decision}", context)


def _still_here(generation: Generation) -> list[User]:
    """Its author, unless they were removed, suspended or deactivated: then it is not theirs to know."""
    here = Membership.objects.active().filter(workspace=generation.workspace_id, user=generation.author_id)
    return [generation.author] if here.exists() else []
