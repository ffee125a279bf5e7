"""Who is what in a workspace: the verbs, each in one transaction together with its audit event.

All of them lock the workspace's wallet first, so that what one of them looks at is not changed by another:
the last owner, who asks, and what they may.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import budgets
from accounts.models import (
    ApiToken,
    AuditEvent,
    Budget,
    Invitation,
    Membership,
    Role,
    User,
    Wallet,
    Workspace,
)
from accounts.policy import POLICY, Action, Actor

LAST_OWNER = "A workspace needs an owner. Make somebody else an owner first."
ONE_OWNER = "A personal workspace stays with its person, who alone is its owner."
CHANGED = "Somebody else changed this at the same moment. Look again, and repeat it if it is still right."


class NotAllowed(Exception):
    """The policy does not give it to whoever asks."""


class Refused(Exception):
    """Theirs to do, but not possible as things are; its text says why, for people."""


@contextmanager
def deciding(workspace: Workspace) -> Iterator[Wallet]:
    """One transaction in which nobody else changes who is in it; on SQLite it is the only writer anyway."""
    with transaction.atomic():
        yield Wallet.objects.select_for_update(no_key=True).get(workspace=workspace)


@contextmanager
def managing(actor: Actor) -> Iterator[Wallet]:
    """The same, for whoever may manage members, still, at this moment."""
    with deciding(actor.workspace) as wallet:
        still = Membership.objects.active().filter(
            workspace=actor.workspace, user=actor.user, role=actor.role
        )
        if not actor.may(Action.MANAGE_MEMBERS) or not still.exists():
            raise NotAllowed
        yield wallet


def personal_and_its_owners(workspace: Workspace, role: str) -> bool:
    """Whether this would give somebody's own studio another owner, who could put them out of it."""
    return workspace.personal and role == Role.OWNER


def owned_alone(user: User) -> list[Workspace]:
    """The open workspaces of teams that have no other owner who can get in."""
    owners = Membership.objects.active().filter(role=Role.OWNER)
    others = owners.filter(workspace=OuterRef("pk")).exclude(user=user)
    mine = Workspace.objects.filter(pk__in=owners.filter(user=user).values("workspace"), closed_at=None)
    return list(mine.filter(~Exists(others), personal=False).order_by("name"))


def change_role(actor: Actor, membership: Membership, role: str) -> None:
    """Make a member something else; also oneself, but never more than one is."""
    with managing(actor):
        before = _same(actor, membership).role
        if not actor.covers(role):
            raise NotAllowed
        if personal_and_its_owners(actor.workspace, role):
            raise Refused(ONE_OWNER)
        if before == role:
            return
        _change(_guarded(membership), membership, role=role)
        withdrawn = withdraw(membership, role, before=before)
        _event(
            "member.role", actor, membership, {"role": before}, {"role": role}, invitations=withdrawn
        ).save()


def suspend(actor: Actor, membership: Membership) -> None:
    """Keep a member out until further notice; what is theirs stays theirs."""
    with managing(actor):
        _not_oneself(actor, _same(actor, membership))
        if membership.suspended_at:
            return
        _change(_guarded(membership), membership, suspended_at=timezone.now())
        withdrawn = withdraw(membership, "")
        _event("member.suspended", actor, membership, invitations=withdrawn).save()


def reinstate(actor: Actor, membership: Membership) -> None:
    """Let a suspended member in again."""
    with managing(actor):
        if not _same(actor, membership).suspended_at:
            return
        _change(_as_read(membership), membership, suspended_at=None)
        _event("member.reinstated", actor, membership).save()


def remove(actor: Actor, membership: Membership) -> None:
    """End a membership. What the member made stays; who takes over their private clips is the caller's."""
    with managing(actor):
        _not_oneself(actor, _same(actor, membership))
        _end("member.removed", actor, membership)


def leave(actor: Actor) -> None:
    """End one's own membership."""
    with deciding(actor.workspace):
        mine = Membership.objects.filter(workspace=actor.workspace, user=actor.user)
        membership = mine.select_related("user", "workspace").first()
        if membership is None:
            raise NotAllowed
        _end("member.left", actor, membership)


def _end(verb: str, actor: Actor, membership: Membership) -> None:
    moment = timezone.now()
    own = {"workspace": membership.workspace_id, "user": membership.user_id}
    tokens = ApiToken.objects.filter(**own, revoked_at=None).update(revoked_at=moment)
    # A budget of somebody who is gone would bind them again, unseen, should they come back.
    for each in Budget.objects.filter(workspace=membership.workspace_id, member=membership.user_id):
        budgets.drop(actor, each)
    ended = {"tokens": tokens, "invitations": withdraw(membership, "")}
    _event(verb, actor, membership, {"role": membership.role}, None, **ended).save()
    gone, _ = _guarded(membership).delete()
    if not gone:
        raise Refused(LAST_OWNER if membership.role == Role.OWNER else CHANGED)


def _same(actor: Actor, membership: Membership) -> Membership:
    """Read again now that nobody else changes it. NotAllowed when it is somebody who may more."""
    membership.refresh_from_db(fields=["role", "suspended_at"])
    if membership.workspace_id != actor.workspace.pk or not actor.covers(membership.role):
        raise NotAllowed
    return membership


def _not_oneself(actor: Actor, membership: Membership) -> None:
    if membership.user_id == actor.user.pk:
        raise Refused("This is you. Whoever wants to go leaves the workspace.")


def _as_read(membership: Membership) -> "QuerySet[Membership]":
    return Membership.objects.filter(pk=membership.pk, role=membership.role)


def _guarded(membership: Membership) -> "QuerySet[Membership]":
    """The row as it was read, if the workspace has an owner without it; the statement itself decides."""
    if membership.role != Role.OWNER:
        return _as_read(membership)
    owners = Membership.objects.active().filter(workspace=membership.workspace_id, role=Role.OWNER)
    return _as_read(membership).filter(Exists(owners.exclude(pk=membership.pk)))


def _change(row: "QuerySet[Membership]", membership: Membership, **values: Any) -> None:
    if not row.update(**values):
        raise Refused(LAST_OWNER if membership.role == Role.OWNER else CHANGED)


def withdraw(membership: Membership, role: str, *, before: str = "") -> int:
    """End, and count, the open invitations that whoever is `role` from now on could not give.

    Else somebody who was removed comes back by a link that they made before; or by one of a colleague, of
    which whoever could give its role sees the whole address. `before`: their role so far, if not the row's.
    """
    given = _given_by(membership, role)
    seen = set(_given_by(membership, before or membership.role)).difference(given)
    gone = Q(invited_by=membership.user_id) & ~Q(role__in=given) | Q(email="", role__in=seen)
    still = Invitation.objects.filter(workspace=membership.workspace_id, accepted_at=None, revoked_at=None)
    return still.filter(gone).update(revoked_at=timezone.now())


def _given_by(membership: Membership, role: str) -> list[str]:
    if role not in POLICY[Action.MANAGE_MEMBERS]:
        return []
    actor = Actor(membership.user, membership.workspace, Role(role))
    return [each.value for each in Role if actor.covers(each)]


def _event(
    verb: str,
    actor: Actor,
    membership: Membership,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **detail: Any,
) -> AuditEvent:
    """Who it is about is told by address: the membership may be gone when it is read."""
    told = {name: value for name, value in detail.items() if value}
    return AuditEvent.of(
        verb,
        membership,
        actor=actor.user,
        acting_as=actor.capacity,
        before=before,
        after=after,
        member=membership.user.email,
        **told,
    )
