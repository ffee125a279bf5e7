"""The statement: what is available, held and spent, every entry with its clip, and all of it as a file."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.core import signing
from django.db.models import QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import ActorRequest, allowed
from accounts.csv_export import download
from accounts.models import AuditEvent, Hold, LedgerEntry
from accounts.policy import Action, Actor
from generations.models import Generation, Visibility

PAGE = 50
CURSOR_SALT = "statement"
HEADER = (
    "Number", "When (UTC)", "What", "Amount", "Balance", "Who", "Model", "Prompt", "Clip", "Reason",
)  # fmt: skip


def cursor(seq: int) -> str:
    """`?after=`: the page of what came before this entry."""
    return signing.dumps(seq, salt=CURSOR_SALT)


@require_safe
@allowed(Action.SEE_CREDITS)
def statement(request: ActorRequest) -> HttpResponse:
    """Newest first; `seq` has no gaps, so it is the cursor."""
    wallet = request.actor.workspace.wallet
    entries = _entries(request.actor)
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


@require_POST
@allowed(Action.EXPORT_CREDITS)
def export(request: ActorRequest) -> HttpResponse:
    """Every entry so far, newest first. That it was exported is written down."""
    actor = request.actor
    last = actor.workspace.wallet.seq
    AuditEvent.of(
        "export.credits", actor.workspace, actor=actor.user, acting_as=actor.capacity, entries=last
    ).save()
    entries = _entries(actor).filter(seq__lte=last).order_by("-seq")
    return download(f"{actor.workspace} credits", HEADER, _rows(actor, entries))


def _entries(actor: Actor) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(wallet=actor.workspace.wallet).select_related(
        "actor", "hold__generation__author", "corrects__hold__generation__author"
    )


def _rows(actor: Actor, entries: QuerySet[LedgerEntry]) -> Iterator[list[Any]]:
    for entry in entries.iterator(chunk_size=500):
        hold = entry.hold or (entry.corrects.hold if entry.corrects else None)
        clip: Generation | None = getattr(hold, "generation", None)
        who = entry.actor or (clip.author if clip else None)
        yield [
            entry.seq,
            entry.at,
            entry.get_kind_display(),
            entry.amount,
            entry.balance_after,
            who.email if who else "",
            clip.endpoint if clip else "",
            _prompt(actor, clip) if clip else "",
            clip.pk if clip else "",
            entry.reason,
        ]


def _prompt(actor: Actor, clip: Generation) -> str:
    """What a colleague keeps private costs the workspace, but is not its to read."""
    hidden = clip.visibility == Visibility.PRIVATE and clip.author_id != actor.user.pk
    return "(private)" if hidden else clip.prompt
