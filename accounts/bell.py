"""The bell: lines for people, written in the transaction of what they tell of."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.middleware import address_in, address_out
from accounts.models import Membership, Notification, User, Workspace

SHOWN = 10


def ring(people: Iterable[User], workspace: Workspace, text: str, address: str) -> None:
    """The same line for each; `address` is a path of ours without a workspace, as `path` makes it."""
    text = f"{text[:299]}…" if len(text) > 300 else text
    lines = (Notification(user=each, workspace=workspace, text=text, address=address) for each in people)
    Notification.objects.bulk_create(lines)


def hush(people: Iterable[User], workspace: Workspace, address: str) -> None:
    """The lines that lead there are not new any more: what they asked for is done."""
    unread = Notification.objects.filter(user__in=people, workspace=workspace, read_at=None)
    unread.filter(address=address).update(read_at=timezone.now())


def rewrite(workspace: Workspace, addresses: Iterable[str], text: str, *, but: User) -> None:
    """Say no more than this in everybody's lines that lead there."""
    theirs = Notification.objects.filter(workspace=workspace, address__in=addresses).exclude(user=but)
    theirs.update(text=text)


def path(name: str, *args: Any) -> str:
    """An address without the workspace that the current request may have in front."""
    return address_out(reverse(name, args=args))


def link(workspace: Workspace, address: str) -> str:
    """For mails: whole, and in this workspace whatever its reader did last."""
    return f"{settings.PUBLIC_URL}{address_in(workspace.pk, address)}"


def lines_of(user: User, *, proven: bool) -> "QuerySet[Notification]":
    """What was said to them in the workspaces that let them in now: a line quotes what colleagues do there.

    `proven`: their session was opened with a second factor; without, one that requires it tells nothing.
    """
    open_to_them = Membership.objects.active().filter(user=user)
    if not proven:
        free = Q(workspace__mfa_from=None) | Q(workspace__mfa_from__gt=timezone.now())
        open_to_them = open_to_them.filter(free)
    return Notification.objects.filter(user=user, workspace__in=open_to_them.values("workspace"))


def latest(user: User, *, proven: bool) -> list[Notification]:
    """The last few, each with the number of all `unread` ones: one query."""
    mine = lines_of(user, proven=proven)
    counted = mine.filter(read_at=None).order_by().values("user").annotate(count=Count("pk")).values("count")
    shown = mine.select_related("workspace").order_by("-id")
    return list(shown.annotate(unread=Coalesce(Subquery(counted), 0))[:SHOWN])
