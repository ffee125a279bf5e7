"""Setting budgets: every verb locks the wallet, because what is spent is counted under that lock."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F

from accounts.models import AuditEvent, Budget, Membership, User, Wallet, Workspace
from accounts.policy import POLICY, Action, Actor

ABOUT = ("member", "role", "token", "tier", "resolution")


class AlreadySet(Exception):
    """There is a budget about just this."""


class Gone(Exception):
    """Whose budget it would be is no member any more."""


@contextmanager
def wallet_locked(workspace: Workspace, *, anew: bool = False) -> Iterator[None]:
    """Nothing is held, released or refunded meanwhile. `anew`: a budget is made.

    An UPDATE, and not a mere lock: SQLite has none, and orders that wait for it must see the new round.
    """
    mine = Wallet.objects.filter(workspace=workspace)
    with transaction.atomic():
        mine.update(budgeted=True, budget_round=F("budget_round") + 1) if anew else mine.update(seq=F("seq"))
        yield


def set_budget(actor: Actor, wanted: Budget) -> Budget:
    """Save a new budget of the actor's workspace, with what was spent already. Raises AlreadySet."""
    wanted.workspace = actor.workspace
    return _set(wanted, by=actor.user, acting_as=actor.capacity)


def for_new_member(
    member: User, workspace: Workspace, most: int, *, by: User, beyond: str = Budget.Beyond.REFUSE
) -> Budget:
    """What an invitation promised. Who comes back gets the limit of the new invitation."""
    with wallet_locked(workspace):
        nothing_else = {"role": "", "token": None, "tier": "", "resolution": ""}
        known = Budget.objects.filter(workspace=workspace, member=member, **nothing_else).first()
        if known:
            _change(known, workspace, most=most, beyond=beyond, by=by, acting_as="invitation")
            return known
        wanted = Budget(workspace=workspace, member=member, most=most, beyond=beyond)
        return _set(wanted, by=by, acting_as="invitation")


def change(actor: Actor, budget: Budget, *, most: int, beyond: str) -> bool:
    """Another limit, or another answer beyond it; False when the budget is gone."""
    with wallet_locked(actor.workspace):
        return _change(
            budget, actor.workspace, most=most, beyond=beyond, by=actor.user, acting_as=actor.capacity
        )


def drop(actor: Actor, budget: Budget) -> bool:
    """Remove it; False when somebody else did."""
    with wallet_locked(actor.workspace):
        there = Budget.objects.filter(pk=budget.pk, workspace=actor.workspace).first()
        if there is None:
            return False
        event = AuditEvent.of("budget.dropped", there, actor=actor.user, acting_as=actor.capacity)
        event.before = there.terms
        event.save()
        there.delete()
        return True


def those_who_may(action: Action, workspace: Workspace | uuid.UUID) -> list[User]:
    """The members who may, owners first, as they joined."""
    found = Membership.objects.active().filter(workspace=workspace, role__in=POLICY[action])
    ranked = sorted(found.select_related("user"), key=lambda each: (each.role != "owner", each.pk))
    return [each.user for each in ranked]


def names_of(people: list[User], *, most: int = 3) -> str:
    """`Ada, Ben or Cleo`, for telling people whom to ask; nobody reads more than three."""
    names = [str(each) for each in people[:most]]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _set(wanted: Budget, *, by: User, acting_as: str) -> Budget:
    about = {name: getattr(wanted, name) for name in ABOUT}
    with wallet_locked(wanted.workspace, anew=True):
        # Who left meanwhile would be bound again, unseen, should they come back.
        if wanted.member and not wanted.member.memberships.filter(workspace=wanted.workspace).exists():
            raise Gone
        if Budget.objects.filter(workspace=wanted.workspace, **about).exists():
            raise AlreadySet
        wanted.count()
        wanted.save(force_insert=True)
        AuditEvent.of("budget.set", wanted, actor=by, acting_as=acting_as, after=wanted.terms).save()
    return wanted


def _change(
    budget: Budget, workspace: Workspace, *, most: int, beyond: str, by: User, acting_as: str
) -> bool:
    """With the wallet locked. People are told again of what the new limit has not reached yet."""
    now = Budget.objects.filter(pk=budget.pk, workspace=workspace).first()
    if now is None:
        return False
    before = now.terms
    now.most, now.beyond = most, beyond
    told = min(now.warned, now.level)
    Budget.objects.filter(pk=now.pk).update(most=most, beyond=beyond, warned=told)
    budget.most, budget.beyond, budget.used = most, beyond, now.used
    if now.terms != before:
        event = AuditEvent.of("budget.changed", now, actor=by, acting_as=acting_as)
        event.before, event.after = before, now.terms
        event.save()
    return True
