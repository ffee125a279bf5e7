"""Generations: create, list, look, cancel, download."""

import json
import uuid
from typing import Annotated

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router, Status
from ninja.responses import NinjaJSONEncoder
from pydantic import Field

from accounts.actor import ActorRequest
from accounts.paging import cut
from accounts.policy import Action, Actor
from generations import cancelling, orders
from generations.api import representation as say
from generations.api import wishes
from generations.api.bearer import need
from generations.api.idempotency import Once
from generations.api.paging import MOST, USUAL, newest_after
from generations.api.problems import Problem, answer
from generations.api.representation import GenerationOut, Page, Wish
from generations.media.serving import serve
from generations.media.vault import vault
from generations.models import Generation, State
from generations.telling import ROOT

router = Router(tags=["Generations"])
KIND = "api.generations"

# What an order may be refused for, as a kind of problem. Any other is `refused`.
REFUSALS: dict[str, str] = {
    "NotAllowed": "forbidden",
    "NotEnough": "not-enough-credits",
    "OverBudget": "over-budget",
    "OffSale": "off-sale",
    "KeyReused": "key-reused",
    "TooMany": "too-many-waiting",
    "Full": "busy",
    "Busy": "busy",
}


@router.post(
    "/generations",
    response={201: GenerationOut, 202: GenerationOut},
    url_name="generations",
    summary="Create a generation",
)
def created(request: ActorRequest, wish: Wish) -> HttpResponse:
    """Hold the credits and send it off. 202 when it is over a budget that asks, and waits for approval.

    Send an `Idempotency-Key`, and a repeat after a lost answer makes no second clip.
    Scope: `generations:create`.
    """
    need(request.actor, Action.CREATE)
    response = _created(request, wish)
    if response.status_code in (201, 202):
        response["Location"] = f"{ROOT}/generations/{json.loads(response.content)['id']}"
    return response


def _created(request: ActorRequest, wish: Wish) -> HttpResponse:
    actor = request.actor
    assert actor.token
    once = Once.of(request, actor.token, wish.model_dump())
    if once and (told := once.told_before()):
        return told
    order = wishes.order(actor, wish, once.form_key if once else uuid.uuid4())
    if once and (told := once.claim()):
        return told
    try:
        placed = orders.place(actor, order)[0]
    except orders.Refused as refused:
        problem = Problem(REFUSALS.get(type(refused).__name__, "refused"), str(refused))
        if once is None or problem.passes:
            raise problem from refused
        return once.keep(problem.status, problem.text())
    status = 202 if placed.state == State.AWAITING else 201
    text = NinjaJSONEncoder().encode(say.generation(placed).model_dump())  # as of all other answers
    return once.keep(status, text) if once else answer(status, text)


@router.get("/generations", response=Page[GenerationOut], url_name="generations", summary="List generations")
def listed(
    request: ActorRequest,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
    state: State | None = None,
    endpoint: Annotated[str, Field(pattern=r"^[\w./-]{0,120}$")] = "",
) -> Page[GenerationOut]:
    """The workspace's, newest first, less what colleagues keep private. Scope: `generations:read`."""
    need(request.actor, Action.SEE)
    rows = Generation.objects.visible_to(request.actor).select_related("hold")
    if state:
        rows = rows.filter(state=state)
    if endpoint:
        rows = rows.filter(endpoint=endpoint)
    found = list(newest_after(rows, after, KIND)[: limit + 1])
    shown, following = cut(found, limit, KIND)
    return Page[GenerationOut](data=[say.generation(each) for each in shown], next=following or None)


@router.get("/generations/{uuid:pk}", response=GenerationOut, url_name="generation", summary="One generation")
def shown(request: ActorRequest, pk: uuid.UUID) -> GenerationOut:
    """Poll it until `state` is succeeded, failed or cancelled. Scope: `generations:read`."""
    need(request.actor, Action.SEE)
    return say.generation(_seen(request.actor, pk))


@router.post(
    "/generations/{uuid:pk}/cancel",
    response={200: GenerationOut, 202: GenerationOut},
    url_name="cancel",
    summary="Cancel a generation",
)
def cancelled(request: ActorRequest, pk: uuid.UUID) -> Status[GenerationOut]:
    """200 when it is cancelled, for free; 202 when the model was asked to stop, which may come too late.

    Scope: `generations:create`; for a colleague's also `generations:read`.
    """
    found = _seen(request.actor, pk)
    own = found.author_id == request.actor.user.pk
    need(request.actor, Action.CREATE if own else Action.CANCEL_ANY)
    if not own:  # the answer says what it is
        need(request.actor, Action.SEE)
    if found.state != State.CANCELLED:
        outcome = cancelling.cancel(found, request.actor)
        found = _seen(request.actor, pk)
        if outcome is cancelling.Outcome.ASKED:
            return Status(202, say.generation(found))
        if found.state != State.CANCELLED:
            raise Problem("ended", f"Its state is {found.state}.")
    return Status(200, say.generation(found))


@router.get("/generations/{uuid:pk}/video", url_name="video", summary="Download the video")
def video(request: ActorRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The MP4, or the range of bytes that is asked for; with files in an object store a redirect to it.

    Scope: `generations:read`.
    """
    need(request.actor, Action.SEE)
    found = _seen(request.actor, pk)
    if found.clip is None:
        raise Problem("not-ready", f"Its state is {found.state}.")
    clip = found.clip
    response = serve(request, vault(), clip.file, content_type=clip.content_type)
    if response.status_code == 416:
        raise Problem("out-of-range", headers={"Content-Range": response["Content-Range"]})
    return response


def _seen(actor: Actor, pk: uuid.UUID) -> Generation:
    found = Generation.objects.visible_to(actor).select_related("hold", "clip").filter(pk=pk).first()
    if found is None:
        raise Problem("not-found")
    return found
