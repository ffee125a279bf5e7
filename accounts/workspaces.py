"""What can be done with a workspace as a whole: make, rename, hand over and close one, and guard it.

Each verb decides by conditional UPDATEs whose row count is checked, and leaves an audit event in the same
transaction. The wallet is locked first, as everywhere, so two verbs on one workspace follow each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import bell, letters
from accounts.models import (
    ApiToken,
    AuditEvent,
    Invitation,
    Membership,
    Role,
    User,
    Wallet,
    Workspace,
    open_workspace,
)
from accounts.policy import Actor
from accounts.second_factor import factors_of
from accounts.team import deciding, withdraw

MOST_OWNED = 50
MOST_GRACE_DAYS = 30


class Refused(Exception):
    """It was not done; the sentence says why."""


def create(user: User, name: str) -> Workspace:
    """A workspace of theirs with an empty wallet. Refused beyond `MOST_OWNED`."""
    with transaction.atomic():
        # Locked, so that many presses at once cannot all count before one has added.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        owned = user.memberships.filter(role=Role.OWNER, workspace__closed_at=None, workspace__personal=False)
        if owned.count() >= MOST_OWNED:
            raise Refused(
                f"You own {MOST_OWNED} workspaces, which is the most. Close or hand over one first."
            )
        workspace = open_workspace(name, owner=user)
        _note("workspace.created", workspace, user, Role.OWNER, after={"name": name})
    return workspace


def rename(actor: Actor, name: str) -> None:
    """Give it another name. Refused when somebody else was faster, or it is closed."""
    before = actor.workspace.name
    if name == before:
        return
    with transaction.atomic():
        mine = Workspace.objects.filter(pk=actor.workspace.pk, name=before, closed_at=None)
        if not mine.update(name=name):
            raise Refused("Somebody has just given it another name. Look at it and try again.")
        _note_by("workspace.renamed", actor, {"name": before}, {"name": name})
    actor.workspace.name = name


def require_second_factor(actor: Actor, grace_days: int | None) -> None:
    """From so many days on nobody works here without a second factor; None: everybody's own choice."""
    if grace_days == 0 and not factors_of(actor.user).exists():
        raise Refused("Set up your own second factor first, or you would be out with everybody else.")
    before = actor.workspace.mfa_from
    after = None if grace_days is None else timezone.now() + timedelta(days=grace_days)
    with _owned(actor):
        Workspace.objects.filter(pk=actor.workspace.pk).update(mfa_from=after)
        as_text = [{"mfa_from": each.isoformat() if each else None} for each in (before, after)]
        _note_by("workspace.second_factor", actor, *as_text)
    actor.workspace.mfa_from = after


def transfer(actor: Actor, member: Membership) -> None:
    """`member` becomes owner and the actor admin, both or neither: there is an owner at every moment."""
    if actor.workspace.personal:
        raise Refused("A personal workspace stays with its person.")
    with _owned(actor):
        here = Membership.objects.filter(workspace=actor.workspace)
        heir = here.active().filter(pk=member.pk).exclude(user=actor.user)
        roles = dict(heir.values_list("user_id", "role"))
        if not heir.update(role=Role.OWNER):
            raise Refused(f"{member.user} is not an active member any more.")
        if not here.filter(user=actor.user, role=Role.OWNER, suspended_at=None).update(role=Role.ADMIN):
            raise Refused("You do not own this workspace any more.")
        mine = here.select_related("user", "workspace").get(user=actor.user)
        withdrawn = withdraw(mine, Role.ADMIN, before=Role.OWNER)
        _note_by(
            "workspace.transferred",
            actor,
            {"owner": actor.user.email, "role": roles[member.user_id]},
            {"owner": member.user.email, "role": Role.OWNER.value},
            **({"invitations": withdrawn} if withdrawn else {}),
        )
        _tell_owner(actor, member.user)


def _tell_owner(actor: Actor, owner: User) -> None:
    """Nobody asked them: the bell and a mail say what is theirs now."""
    workspace, address = actor.workspace, bell.path("accounts:settings")
    bell.ring([owner], workspace, f"{actor.user} handed the workspace over to you: you own it now.", address)
    names = {"giver": str(actor.user), "workspace": str(workspace), "link": bell.link(workspace, address)}
    letters.write(owner.email, "ownership", names | {"address": actor.user.email})


def close(actor: Actor, typed: str) -> None:
    """Nobody acts here any more; the ledger, the clips and the audit trail stay. `typed` confirms it.

    Refused while credits are held. An order at the same moment waits for the wallet or is waited for: then
    it finds the wallet closed, or this finds its hold.
    """
    workspace, moment = actor.workspace, timezone.now()
    if workspace.personal:
        raise Refused("A personal workspace cannot be closed.")
    if typed.strip() != workspace.name:
        raise Refused(f"Type the name exactly as it is written here: {workspace.name}")
    with _owned(actor):
        if not Wallet.objects.filter(workspace=workspace, held=0).update(closed=True, budgeted=True):
            raise Refused("Credits are set aside for clips that are still being made. Wait, or cancel them.")
        Workspace.objects.filter(pk=workspace.pk).update(closed_at=moment)
        ApiToken.objects.filter(workspace=workspace, revoked_at=None).update(revoked_at=moment)
        invited = Invitation.objects.filter(workspace=workspace, accepted_at=None, revoked_at=None)
        invited.update(revoked_at=moment)
        _note_by("workspace.closed", actor, {"closed_at": None}, {"closed_at": moment.isoformat()})


@contextmanager
def _owned(actor: Actor) -> Iterator[None]:
    """A transaction in which nobody else changes the workspace, and the actor owns it still."""
    with deciding(actor.workspace):
        owners = Membership.objects.active().filter(workspace=actor.workspace, role=Role.OWNER)
        if not owners.filter(user=actor.user).exists():
            raise Refused("You do not own this workspace any more.")
        yield


def _note(verb: str, workspace: Workspace, user: User, capacity: str, after: dict[str, str | None]) -> None:
    AuditEvent.of(verb, workspace, actor=user, acting_as=capacity, after=after).save()


def _note_by(
    verb: str, actor: Actor, before: dict[str, str | None], after: dict[str, str | None], **detail: Any
) -> None:
    done_by: dict[str, Any] = {"actor": actor.user, "acting_as": actor.capacity}
    AuditEvent.of(verb, actor.workspace, **done_by, before=before, after=after, **detail).save()
