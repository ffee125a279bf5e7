"""Parks an order that is over a budget: its rows await approval with nothing held, and approvers are told."""

import logging
from collections.abc import Sequence

from django.db.models import QuerySet

from accounts import bell, letters
from accounts.budgets import names_of, those_who_may, wallet_locked
from accounts.models import AuditEvent, Budget, User, Wallet, Workspace
from accounts.policy import Action, Actor
from generations import allowance, telling
from generations.catalogue import CATALOGUE
from generations.models import Generation, State, StateChange
from generations.timing import DECISION_DEADLINE, business, now

logger = logging.getLogger(__name__)


def approvers(workspace: Workspace, author: User) -> list[User]:
    """Who may decide; the author only where there is nobody else."""
    people = those_who_may(Action.APPROVE, workspace)
    return [each for each in people if each != author] or people


def park(actor: Actor, generations: Sequence[Generation], over: Sequence[Budget]) -> bool:
    """Write the rows, and tell those who decide, all or nothing. IntegrityError when a twin was faster.

    False when the workspace is closed: whoever closes it looks for open rows with its wallet locked, so none
    may be written beside that lock.
    """
    until = now() + business(DECISION_DEADLINE)
    for each in generations:
        each.hold, each.state = None, State.AWAITING
        each.wake_at = each.deadline_at = until
    detail = {
        "token": str(actor.token.pk) if actor.token else "",
        "over": [allowance.limit(each) for each in over],
    }
    with wallet_locked(actor.workspace):
        if Wallet.objects.filter(workspace=actor.workspace, closed=True).exists():
            return False
        Generation.objects.bulk_create(generations)
        StateChange.objects.bulk_create(
            StateChange(generation=each, after=State.AWAITING, cause="over a budget", detail=detail)
            for each in generations
        )
        _audited(actor, generations, over)
        _told(actor, generations, over[0])
        for each in generations:
            telling.tell(each)
    for each in generations:
        logger.info("generation=%s event=parked credits=%s", each.pk, each.cost)
    return True


def settled(generation: Generation) -> None:
    """Once none of its takes waits, nobody is asked any more.

    Needs the wallet locked since before the move: of two decisions about takes of one order, neither would
    see that it was the last.
    """
    if not _takes(generation).filter(state=State.AWAITING).exists():
        people = those_who_may(Action.APPROVE, generation.workspace)
        bell.hush(people, generation.workspace, _address(_first(generation)))


def hide(generation: Generation) -> None:
    """What others were told of it does not quote it any more: it is private now."""
    addresses = [_address(_first(generation)), bell.path("generations:detail", generation.pk)]
    bell.rewrite(generation.workspace, addresses, "A shot that is private now", but=generation.author)


def _takes(generation: Generation) -> QuerySet[Generation]:
    return Generation.objects.filter(
        workspace=generation.workspace_id, author=generation.author_id, form_key=generation.form_key
    )


def _first(generation: Generation) -> Generation:
    return _takes(generation).order_by("take")[0]


def words(placed: Sequence[Generation]) -> str:
    """What to tell who has just ordered these; empty when they are not parked."""
    first = placed[0]
    if first.state != State.AWAITING:
        return ""
    people = names_of(approvers(first.workspace, first.author))
    return f"Over a budget, so it waits for approval by {people}. Nothing is held until then."


def _audited(actor: Actor, generations: Sequence[Generation], over: Sequence[Budget]) -> None:
    first = generations[0]
    AuditEvent.of(
        "generation.parked",
        first,
        actor=actor.user,
        acting_as=actor.capacity,
        endpoint=first.endpoint,
        takes=len(generations),
        credits=sum(each.cost for each in generations),
        budgets=[each.pk for each in over],
    ).save()


def _told(actor: Actor, generations: Sequence[Generation], budget: Budget) -> None:
    first, workspace = generations[0], actor.workspace
    total, address = sum(each.cost for each in generations), _address(first)
    people = approvers(workspace, actor.user)
    words = first.prompt if len(first.prompt) <= 80 else f"{first.prompt[:79]}…"
    bell.ring(people, workspace, f"{actor.user} asks for {total} credits for “{words}”", address)
    picture = first_picture(first)
    context = {
        "author": actor.user,
        "workspace": workspace,
        "generation": first,
        "prompt": first.prompt,
        "takes": len(generations),
        "total": total,
        "limit": allowance.limit(budget),
        "link": bell.link(workspace, address),
        "picture": bell.link(workspace, bell.path("generations:upload", picture)) if picture else "",
    }
    for person in people:
        letters.write(person.email, "approval_wanted", context)


def _address(first: Generation) -> str:
    """Where an order is decided about, by its first take."""
    return f"{bell.path('generations:approvals')}#ask-{first.pk}"


def first_picture(generation: Generation) -> str:
    """The id of its first picture among the inputs; empty when there is none."""
    endpoint = CATALOGUE.get(generation.endpoint)
    for field in endpoint.media_fields if endpoint else ():
        value = generation.input.get(field.name)
        if value and field.kind in ("image", "images"):
            return str(value[0] if isinstance(value, list) else value)
    return ""
