"""The statement: what is available, held and spent, and every entry with its clip."""

from contextlib import suppress

from django.core import signing
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.actor import ActorRequest, with_actor
from accounts.models import Hold, LedgerEntry
from accounts.policy import Action

PAGE = 50
CURSOR_SALT = "statement"


def cursor(seq: int) -> str:
    """`?after=`: the page of what came before this entry."""
    return signing.dumps(seq, salt=CURSOR_SALT)


@require_safe
@with_actor
def statement(request: ActorRequest) -> HttpResponse:
    """Newest first; `seq` has no gaps, so it is the cursor."""
    if not request.actor.may(Action.SEE_CREDITS):
        return render(request, "403.html", status=403)
    wallet = request.actor.workspace.wallet
    entries = LedgerEntry.objects.filter(wallet=wallet).select_related(
        "actor", "hold__generation__author", "corrects__hold__generation__author"
    )
    with suppress(signing.BadSignature):  # an odd cursor is the first page
        entries = entries.filter(seq__lt=signing.loads(request.GET.get("after", ""), salt=CURSOR_SALT))
    shown = list(entries.order_by("-seq")[: PAGE + 1])
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = LedgerEntry.objects.filter(wallet=wallet, kind__in=["capture", "refund"])
    held = Hold.objects.filter(wallet=wallet, state=Hold.State.HELD).select_related("generation__author")
    context = {
        "wallet": wallet,
        "entries": shown[:PAGE],
        "next": cursor(shown[PAGE - 1].seq) if len(shown) > PAGE else "",
        "holds": list(held.order_by("-created_at")[:PAGE]),
        "spent": -(spent.aggregate(total=Sum("amount"))["total"] or 0),
        "spent_this_month": -(spent.filter(at__gte=month).aggregate(total=Sum("amount"))["total"] or 0),
    }
    return render(request, "generations/credits.html", context)
