"""The bell: lines for people, written in the transaction of what they tell of."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import get_script_prefix, reverse

from accounts.middleware import address_in
from accounts.models import Notification, User, Workspace

SHOWN = 10


def ring(people: Iterable[User], workspace: Workspace, text: str, address: str) -> None:
    """The same line for each; `address` is a path of ours without a workspace, as `path` makes it."""
    text = f"{text[:299]}…" if len(text) > 300 else text
    lines = (Notification(user=each, workspace=workspace, text=text, address=address) for each in people)
    Notification.objects.bulk_create(lines)


def path(name: str, *args: Any) -> str:
    """An address without the workspace that the current request may have in front."""
    return f"/{reverse(name, args=args).removeprefix(get_script_prefix())}"


def link(workspace: Workspace, address: str) -> str:
    """For mails: whole, and in this workspace whatever its reader did last."""
    return f"{settings.PUBLIC_URL}{address_in(workspace.pk, address)}"


def latest(user: User) -> list[Notification]:
    """The last few, each with the number of all `unread` ones: one query."""
    unread = Notification.objects.filter(user=OuterRef("user"), read_at=None).order_by().values("user")
    counted = Subquery(unread.annotate(count=Count("pk")).values("count"))
    mine = Notification.objects.filter(user=user).select_related("workspace").order_by("-id")
    return list(mine.annotate(unread=Coalesce(counted, 0))[:SHOWN])
