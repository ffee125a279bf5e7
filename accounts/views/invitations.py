"""Inviting people, and the page that they come to."""

import uuid
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import inviting, paging
from accounts.actor import ActorRequest, allowed, with_actor
from accounts.forms.invitations import InviteForm
from accounts.middleware import address_in, address_out
from accounts.models import Invitation, Membership, User
from accounts.policy import Action
from accounts.team import NotAllowed, Refused

PAGE = 50
CURSOR_SALT = "invitations"
UNKNOWN = "This link is not complete, or a newer one was sent. Take the newest mail, and the whole link."


def pending(request: ActorRequest) -> dict[str, Any]:
    """Invitations that nobody has answered, newest first; those that expired are shown as such."""
    actor = request.actor
    found = Invitation.objects.filter(workspace=actor.workspace, accepted_at=None, revoked_at=None)
    place = paging.read(request.GET.get("invited", ""), CURSOR_SALT)
    rows = paging.newest(found.select_related("invited_by"), place)[: PAGE + 1]
    shown, following = paging.cut(list(rows), PAGE, CURSOR_SALT)
    return {
        "invitations": [_shown(actor.covers(each.role), each) for each in shown],
        "next_invited": following,
    }


def _shown(mine: bool, invitation: Invitation) -> dict[str, Any]:
    """A link is shown to whoever could have given the role; one that was mailed is the mailbox's alone."""
    expired = invitation.expires_at <= timezone.now()
    shows = mine and not invitation.email and not expired
    return {
        "invitation": invitation,
        "expired": expired,
        "mine": mine,
        "link": inviting.link(invitation) if shows else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Action.MANAGE_MEMBERS)
def invite(request: ActorRequest) -> HttpResponse:
    """The form, and what it asks for."""
    actor = request.actor
    if request.method != "POST":
        return render(request, "team/invite.html", {"form": InviteForm(actor)})
    form = InviteForm(actor, request.POST, request.FILES)
    if form.is_valid():
        try:
            inviting.invite(actor, form.guests, expires_at=form.expires_at)
        except Refused as refused:
            form.add_error(form.source, str(refused))
        except NotAllowed:
            return render(request, "403.html", status=403)
        else:
            messages.success(request, _done(form))
            return redirect(f"{reverse('accounts:members')}#invited")
    return render(request, "team/invite.html", {"form": form}, status=422)


def _done(form: InviteForm) -> str:
    if form.cleaned_data["by"] == "link":
        return "The link is ready. Copy it from the list below."
    count = len(form.guests)
    return f"{count} invitations are on their way." if count > 1 else "The invitation is on its way."


def _mine(request: ActorRequest, pk: uuid.UUID) -> Invitation:
    return get_object_or_404(
        Invitation.objects.select_related("workspace"), pk=pk, workspace=request.actor.workspace
    )


@require_POST
@with_actor
def resend(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """A new letter, or a new link; the one before is void."""
    invitation = _mine(request, pk)
    try:
        inviting.resend(request.actor, invitation)
    except NotAllowed:
        return render(request, "403.html", status=403)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        sent = f"Sent to {invitation.email} again." if invitation.email else "There is a new link."
        messages.success(request, f"{sent} The one before is void.")
    return redirect(f"{reverse('accounts:members')}#invited")


@require_POST
@with_actor
def revoke(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Taken back."""
    invitation = _mine(request, pk)
    try:
        inviting.revoke(request.actor, invitation)
    except NotAllowed:
        return render(request, "403.html", status=403)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "The invitation was taken back.")
    return redirect("accounts:members")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, word: str) -> HttpResponse:
    """What whoever has the word is told, and the buttons: join, or first sign in or make an account."""
    found = Invitation.by(word)
    if found is None:
        return render(request, "team/invitation.html", {"trouble": UNKNOWN}, status=404)
    user = request.user if isinstance(request.user, User) else None
    if request.method == "POST":
        return _accept(request, user, found) if user else _make_account(request, found)
    return _told(request, user, found)


def _told(request: HttpRequest, user: User | None, found: Invitation, trouble: str = "") -> HttpResponse:
    member = user and Membership.objects.filter(user=user, workspace=found.workspace).exists()
    trouble = trouble or inviting.trouble(found)
    context = {
        "invitation": found,
        "trouble": trouble,
        "member": member,
        "home": address_in(found.workspace_id, address_out(reverse("generations:home"))),
        "wrong": user and not member and not inviting.meant_for(user, found),
        "here": address_out(request.path),
        "login": f"{address_out(reverse('account_login'))}?{urlencode({'next': address_out(request.path)})}",
    }
    gone = bool(trouble) and not member
    return render(request, "team/invitation.html", context, status=410 if gone else 200)


def _accept(request: HttpRequest, user: User, found: Invitation) -> HttpResponse:
    try:
        inviting.accept(user, found)
    except NotAllowed:
        return _told(request, user, found)
    except Refused as refused:
        found.refresh_from_db()
        return _told(request, user, found, str(refused))
    messages.success(request, f"Welcome to {found.workspace}. You are {found.get_role_display()} here.")
    return redirect(address_in(found.workspace_id, address_out(reverse("generations:home"))))


def _make_account(request: HttpRequest, found: Invitation) -> HttpResponse:
    """To the sign-up and back. Whoever has the word of a mailed invitation has read that mailbox."""
    if inviting.trouble(found):
        return _told(request, None, found)
    query = {"next": address_out(request.path)}
    if found.email:
        if User.objects.filter(email__iexact=found.email).exists():
            messages.info(request, f"There is an account for {found.email}. Sign in to accept.")
            return redirect(f"{address_out(reverse('account_login'))}?{urlencode(query)}")
        get_adapter(request).stash_verified_email(request, found.email)
        query["email"] = found.email
    return redirect(f"{address_out(reverse('account_signup'))}?{urlencode(query)}")
