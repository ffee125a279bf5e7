"""Invitations: sent, sent again, taken back and accepted, each in one transaction with its audit event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models.functions import Lower
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from accounts import bell, budgets, letters
from accounts.middleware import address_out
from accounts.models import AuditEvent, Invitation, Membership, User, Workspace
from accounts.models.invitations import InvitationQuerySet
from accounts.policy import Actor
from accounts.team import ONE_OWNER, NotAllowed, Refused, deciding, managing, personal_and_its_owners

# At once, open in a workspace, made in a day, letters of an invitation: nobody's mailbox is ours to fill.
MOST_AT_ONCE, MOST_PENDING, MOST_A_DAY, MOST_LETTERS = 50, 200, 300, 10
USUAL_DAYS = 7
USED = "This invitation was used already. It works once; ask for another."


@dataclass(frozen=True)
class Guest:
    """Whom to invite and as what. Without an address: whoever gets the link."""

    email: str
    role: str
    budget: int | None = None


def invite(actor: Actor, guests: Sequence[Guest], *, expires_at: datetime) -> list[Invitation]:
    """Invite all of them, by mail those who have an address. Refused, and nothing done, if one cannot be."""
    with managing(actor):
        if not all(actor.covers(guest.role) for guest in guests):
            raise NotAllowed
        if any(personal_and_its_owners(actor.workspace, guest.role) for guest in guests):
            raise Refused(ONE_OWNER)
        _refuse_too_many(actor.workspace, len(guests))
        _refuse_known(actor.workspace, [guest.email for guest in guests if guest.email])
        return [_invite(actor, guest, expires_at) for guest in guests]


def _invite(actor: Actor, guest: Guest, expires_at: datetime) -> Invitation:
    invitation = Invitation.objects.create(
        workspace=actor.workspace,
        email=guest.email.lower(),
        role=guest.role,
        budget=guest.budget,
        invited_by=actor.user,
        expires_at=expires_at,
    )
    given: dict[str, Any] = {"role": guest.role, "budget": guest.budget, "expires": expires_at.isoformat()}
    _event("invitation.sent", actor, invitation, after=given).save()
    _write(invitation)
    return invitation


def resend(actor: Actor, invitation: Invitation) -> None:
    """The letter, or the link, anew; what was sent before is void. It is open for a week again."""
    with managing(actor):
        if not actor.covers(invitation.role):
            raise NotAllowed
        if invitation.round >= MOST_LETTERS:
            raise Refused("It was sent often enough. Talk to them, or take it back and invite them anew.")
        expires_at = timezone.now() + timedelta(days=USUAL_DAYS)
        again = {"round": invitation.round + 1, "expires_at": expires_at, "invited_by": actor.user}
        if not _open(invitation).update(**again):
            raise Refused("It was accepted, taken back or sent again just now.")
        invitation.refresh_from_db()
        _event("invitation.resent", actor, invitation, after={"expires": expires_at.isoformat()}).save()
        _write(invitation)


def revoke(actor: Actor, invitation: Invitation) -> None:
    """Take it back; its link says so from then on."""
    with managing(actor):
        if not actor.covers(invitation.role):
            raise NotAllowed
        if not _open(invitation).update(revoked_at=timezone.now()):
            raise Refused("It was accepted, taken back or sent again just now.")
        _event("invitation.revoked", actor, invitation).save()


def accept(user: User, invitation: Invitation) -> Membership:
    """Become a member by it. Of two people with one link the first wins; Refused says what is the matter."""
    with deciding(invitation.workspace):
        current = Invitation.objects.select_related("workspace", "invited_by").get(pk=invitation.pk)
        if word := trouble(current):
            raise Refused(word)
        if not meant_for(user, invitation):
            raise NotAllowed
        if Membership.objects.filter(user=user, workspace=invitation.workspace).exists():
            raise Refused("You are in this workspace already.")
        moment = timezone.now()
        mine = _open(invitation).filter(expires_at__gt=moment)
        if not mine.update(accepted_at=moment, accepted_by=user):
            raise Refused(USED)
        return _join(user, invitation)


def trouble(invitation: Invitation) -> str:
    """Why it cannot be accepted by anybody, in words; empty while it can."""
    if invitation.accepted_at:
        return USED
    # Who was turned out as a whole comes back by no link of theirs; a colleague may send it again.
    if invitation.revoked_at or not invitation.invited_by.is_active:
        return "This invitation was taken back."
    if invitation.workspace.closed_at:
        return "This workspace was closed."
    if invitation.expires_at <= timezone.now():
        return "This invitation has expired. Ask for another."
    return ""


def meant_for(user: User, invitation: Invitation) -> bool:
    """Whether an address of theirs was invited, or anybody was."""
    if not invitation.email or user.email.lower() == invitation.email:
        return True
    proven = EmailAddress.objects.filter(user=user, verified=True, email__iexact=invitation.email)
    return bool(proven.exists())


def link(invitation: Invitation) -> str:
    """Its whole address. No workspace is in front: whoever opens it is in none of ours yet."""
    return f"{settings.PUBLIC_URL}{address_out(reverse('accounts:invitation', args=[invitation.word]))}"


def waiting_at(address: str) -> Invitation | None:
    """The invitation whose page an address is, while it can be accepted: where a sign-in leads to."""
    try:
        match = resolve(urlsplit(address).path)
    except (ValueError, Resolver404):
        return None
    if match.view_name != "accounts:invitation":
        return None
    found = Invitation.by(match.kwargs["word"])
    return found if found and not trouble(found) else None


def _join(user: User, invitation: Invitation) -> Membership:
    membership = Membership.objects.create(user=user, workspace=invitation.workspace, role=invitation.role)
    AuditEvent.of(
        "member.joined",
        membership,
        actor=user,
        acting_as=invitation.role,
        after={"role": invitation.role, "budget": invitation.budget},
        member=user.email,
        invitation=str(invitation.pk),
    ).save()
    if invitation.budget is not None:
        budgets.for_new_member(user, invitation.workspace, invitation.budget, by=invitation.invited_by)
    text = f"{user} accepted your invitation. Their role: {invitation.get_role_display()}."
    bell.ring([invitation.invited_by], invitation.workspace, text, bell.path("accounts:members"))
    return membership


def _refuse_too_many(workspace: Workspace, more: int) -> None:
    made = Invitation.objects.filter(workspace=workspace)
    if made.pending().count() + more > MOST_PENDING:
        raise Refused(f"At most {MOST_PENDING} invitations can be open. Take some back first.")
    if made.filter(created_at__gt=timezone.now() - timedelta(days=1)).count() + more > MOST_A_DAY:
        raise Refused(f"At most {MOST_A_DAY} people can be invited in a day. Go on tomorrow.")


def _refuse_known(workspace: Workspace, emails: Sequence[str]) -> None:
    """Those who are members, or were invited and have not answered. What expired makes room."""
    wanted = {email.lower() for email in emails}
    if len(wanted) < len(emails):
        raise Refused("Somebody is in the list twice.")
    members = Membership.objects.filter(workspace=workspace).annotate(address=Lower("user__email"))
    if known := sorted(members.filter(address__in=wanted).values_list("address", flat=True)):
        raise Refused(f"In the team already: {', '.join(known)}.")
    invited = Invitation.objects.filter(
        workspace=workspace, email__in=wanted, accepted_at=None, revoked_at=None
    )
    if known := sorted(invited.pending().values_list("email", flat=True)):
        raise Refused(f"Invited already: {', '.join(known)}. Send it again from the list.")
    invited.update(revoked_at=timezone.now())


def _open(invitation: Invitation) -> InvitationQuerySet:
    """The row while it is neither accepted nor taken back nor sent again; statements on it decide races."""
    same = Invitation.objects.filter(pk=invitation.pk, round=invitation.round)
    return same.filter(accepted_at=None, revoked_at=None)


def _write(invitation: Invitation) -> None:
    if not invitation.email:
        return
    names = {"inviter": str(invitation.invited_by), "workspace": str(invitation.workspace)}
    context = {"invitation": invitation, "link": link(invitation), **names}
    letters.write(invitation.email, "invitation", context)


def _event(
    verb: str, actor: Actor, invitation: Invitation, after: dict[str, Any] | None = None
) -> AuditEvent:
    return AuditEvent.of(
        verb,
        invitation,
        actor=actor.user,
        acting_as=actor.capacity,
        after=after,
        invited=invitation.email or "link",
    )
