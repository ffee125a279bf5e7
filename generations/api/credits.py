"""The workspace's credits and their statement."""

from typing import Annotated

from ninja import Query, Router

from accounts.actor import ActorRequest
from accounts.models import LedgerEntry, Wallet
from accounts.paging import cut
from accounts.policy import Action
from generations.api import representation as say
from generations.api.bearer import need
from generations.api.paging import MOST, USUAL, read_cursor
from generations.api.representation import CreditsOut, EntryOut, Page

router = Router(tags=["Credits"])
KIND = "api.ledger"


@router.get("/credits", response=CreditsOut, url_name="credits", summary="The balance")
def balance(request: ActorRequest) -> CreditsOut:
    """What is available, held and posted. Scope: `credits:read`."""
    need(request.actor, Action.SEE_CREDITS)
    return say.wallet(Wallet.objects.get(workspace=request.actor.workspace))


@router.get("/credits/ledger", response=Page[EntryOut], url_name="ledger", summary="The statement")
def ledger(
    request: ActorRequest, after: str = "", limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL
) -> Page[EntryOut]:
    """Every movement, newest first. Scope: `credits:read`."""
    need(request.actor, Action.SEE_CREDITS)
    entries = LedgerEntry.objects.filter(wallet=request.actor.workspace.wallet)
    if after:
        entries = entries.filter(seq__lt=read_cursor(after, KIND))
    told = entries.select_related("hold__generation", "corrects__hold__generation").order_by("-seq")
    shown, following = cut(list(told[: limit + 1]), limit, KIND, lambda each: each.seq)
    return Page[EntryOut](data=[say.entry(each) for each in shown], next=following or None)
