"""Second factors: who has one, who needs one, and whether this session was opened with one."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_used
from django.conf import settings
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Membership, User, Workspace

# Recovery codes are a spare key to one of these, and no factor by themselves.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
SESSION_KEY = "second_factor"

View = TypeVar("View", bound=Callable[..., Any])


def factors_of(user: User) -> "QuerySet[Authenticator]":
    """The person's apps and keys."""
    found: QuerySet[Authenticator] = Authenticator.objects.filter(user=user, type__in=FACTORS)
    return found


def due(workspace: Workspace) -> bool:
    """Whether nobody works here without a second factor, as of now."""
    return workspace.mfa_from is not None and workspace.mfa_from <= timezone.now()


def needs_second_factor(user: User, workspace: Workspace) -> bool:
    """Whether the workspace turns them away until they set one up; their programs too.

    One query, and only where a second factor is required.
    """
    return due(workspace) and not factors_of(user).exists()


def staff_needs_it(user: User) -> bool:
    """Whether the back office turns them away until they set one up."""
    return bool(settings.STAFF_MFA and user.is_staff) and not factors_of(user).exists()


def days_left(user: User, workspace: Workspace) -> int | None:
    """Days, rounded up, until a member without one is turned away; None when there is nothing to say."""
    if workspace.mfa_from is None or due(workspace) or factors_of(user).exists():
        return None
    return days_until(workspace.mfa_from)


def days_until(moment: datetime) -> int:
    """Rounded up; 0 for what lies behind us."""
    return max(0, math.ceil((moment - timezone.now()) / timedelta(days=1)))


def without_one(workspace: Workspace) -> "QuerySet[Membership]":
    """The active members who have none yet."""
    have = Authenticator.objects.filter(type__in=FACTORS).values("user")
    members = Membership.objects.active().filter(workspace=workspace).exclude(user__in=have)
    return members.select_related("user").order_by("user__email")


def shown(request: HttpRequest) -> bool:
    """Whether this session was opened with a second factor, or has set one up.

    A session from before the first factor was set up knows of a password only, whoever's it is.
    """
    return bool(request.session.get(SESSION_KEY) == request.user.pk)


def outside_workspaces(view: View) -> View:
    """Mark a view that a member may open without the second factor that their workspace requires."""
    view.outside_workspaces = True  # type: ignore[attr-defined]  # read by the middleware
    return view


@receiver(authenticator_used)
def remember(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """This session has proven it: by an app, a key, or a recovery code."""
    request.session[SESSION_KEY] = user.pk


@receiver(authenticator_added)
def remember_first(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Who sets up their first is there with it; a further one proves nothing about who adds it."""
    if authenticator.type in FACTORS and not factors_of(user).exclude(pk=authenticator.pk).exists():
        remember(sender, request, user)
