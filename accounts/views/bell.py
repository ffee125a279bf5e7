"""The bell's own page, and marking what it says as read."""

from contextlib import suppress

from django.contrib.auth.decorators import login_required
from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.bell import lines_of
from accounts.models import Notification, User
from accounts.second_factor import shown

PAGE = 30
CURSOR_SALT = "bell"


@require_safe
@login_required
def bell(request: HttpRequest) -> HttpResponse:
    """Everything that was said to this person, in whatever workspace, newest first."""
    mine = _mine(request).select_related("workspace")
    with suppress(signing.BadSignature):  # an odd cursor is the first page
        mine = mine.filter(pk__lt=signing.loads(request.GET.get("after", ""), salt=CURSOR_SALT))
    lines = list(mine.order_by("-pk")[: PAGE + 1])
    more = signing.dumps(lines[PAGE - 1].pk, salt=CURSOR_SALT) if len(lines) > PAGE else ""
    return render(request, "accounts/bell.html", {"lines": lines[:PAGE], "next": more})


@require_POST
@login_required
def read(request: HttpRequest) -> HttpResponse:
    """Mark everything up to the newest line that the page showed; what came since stays new."""
    unread = _mine(request).filter(read_at=None)
    with suppress(ValueError):
        unread.filter(pk__lte=int(request.POST.get("last", ""))).update(read_at=timezone.now())
    return redirect("accounts:bell")


def _mine(request: HttpRequest) -> "QuerySet[Notification]":
    assert isinstance(request.user, User)  # they are signed in
    return lines_of(request.user, proven=shown(request))
