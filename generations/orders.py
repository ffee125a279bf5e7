"""Placing an order: from a valid form to rows and holds, all or nothing."""

import hashlib
import json
import logging
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError

from accounts.models import AuditEvent, Budget, Hold, Wallet
from accounts.policy import Action, Actor
from generations import allowance, line, parking, prices
from generations.catalogue import Endpoint
from generations.failpoints import failpoint
from generations.media.vault import has_room
from generations.models import EndpointSwitch, Generation, State, StateChange
from generations.prices import Quote
from generations.timing import QUEUE_DEADLINE, business, now

logger = logging.getLogger(__name__)

SEED_RANGE = 2**32
LOCK_TRIES = 3


class Refused(Exception):
    """The order was not placed: nothing is held and nothing was lost. The text is for the person."""


class NotAllowed(Refused):
    """The role may not create."""


class NotEnough(Refused):
    """More credits than are available."""


class OverBudget(Refused):
    """A budget is used up, and no exceptions are made from it."""


class PriceChanged(Refused):
    """The price differs from the one that was shown."""


class OffSale(Refused):
    """An administrator switched the endpoint off."""


class OtherWorkspace(Refused):
    """The form was drawn in another workspace, which would have paid."""


class Full(Refused):
    """There is no room for another clip."""


class TooMany(Refused):
    """So many of this member's clips wait already."""


class Busy(Refused):
    """The database did not get to it in time."""


class KeyReused(Refused):
    """The same form was sent before with other contents."""


@dataclass(frozen=True)
class Order:
    """What is wanted: validated input under fal's names, uploads as ids."""

    endpoint: Endpoint
    input: dict[str, Any]
    takes: int
    form_key: uuid.UUID
    quoted: int
    remix_of: uuid.UUID | None = None
    drawn_in: uuid.UUID | None = None

    @property
    def digest(self) -> str:
        """Identifies the contents, so that a key sent twice with other contents is noticed."""
        contents = [self.endpoint.id, self.input, self.takes]
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def price(endpoint: Endpoint, values: dict[str, Any], takes: int) -> Quote:
    """What `takes` clips with these input values cost here."""
    return prices.quote(
        endpoint.price,
        seconds=seconds_of(values),
        resolution=str(values.get("resolution", "")),
        audio=bool(values.get("generate_audio", False)),
        takes=takes,
        markup=Decimal(settings.CREDITS_MARKUP),
    )


def seconds_of(values: dict[str, Any]) -> int:
    """`8s` (Veo) and `5` (Kling) are both seconds."""
    return int(str(values["duration"]).removesuffix("s"))


def place(actor: Actor, order: Order) -> list[Generation]:
    """Hold the credits and create the generations, once per form key; or park them. Raises Refused.

    Parked ones are over a budget from which exceptions are made: they await approval, with nothing held.
    """
    if known := _placed_before(actor, order):
        return known
    quote = _admitted(actor, order)
    moment = now()
    generations = [_row(actor, order, quote, take, moment) for take in range(1, order.takes + 1)]
    wallet = Wallet.objects.get(workspace=actor.workspace)
    assert failpoint("order.holding")
    try:
        if not _hold(wallet, actor, generations):
            # Its twin may have spent the last credits a moment ago: then that is the answer to both.
            return _placed_before(actor, order) or _parked(actor, wallet, generations)
    except IntegrityError:
        # A twin of this very form was faster; its rows are the answer to both.
        if known := _placed_before(actor, order):
            return known
        if Generation.objects.filter(author=actor.user, form_key=order.form_key).exists():
            raise KeyReused("This form was sent before in another workspace. Make it anew here.") from None
        raise
    assert failpoint("order.placed")
    for generation in generations:
        words = generation.pk, generation.endpoint, generation.cost
        logger.info("generation=%s event=ordered endpoint=%s credits=%s", *words)
    line.joined(generations)
    return generations


def _parked(actor: Actor, wallet: Wallet, generations: list[Generation]) -> list[Generation]:
    """The same rows without their holds, if nothing but budgets that ask is in the way. Raises Refused."""
    held = generations[0].hold
    assert held  # the caller could not take it
    total = sum(each.cost for each in generations)
    closed = NotAllowed(f"{actor.workspace} has just been closed. Nothing was charged.")
    if wallet.closed:
        raise closed
    if total > wallet.available:
        raise NotEnough(
            f"This costs {total} credits and {wallet.available} are available. Nothing was charged."
        )
    in_the_way = Budget.objects.in_the_way(held, total)
    if refusing := [each for each in in_the_way if each.beyond == Budget.Beyond.REFUSE]:
        raise OverBudget(allowance.refusal(refusing[0], total))
    if not in_the_way:
        raise Busy("What was in the way is not any more. Nothing was charged; send it again.")
    if not parking.park(actor, generations, in_the_way):
        raise closed
    return generations


def _hold(wallet: Wallet, actor: Actor, generations: Sequence[Generation]) -> bool:
    """A wallet locked for seconds is tried again; one statement, so nothing is half done. Raises Refused."""
    for _ in range(LOCK_TRIES):
        try:
            holds = [each.hold for each in generations if each.hold]
            return wallet.hold(holds, rows=_rows(actor, generations))
        except OperationalError:
            continue
    raise Busy("So much is being ordered here that your order did not get through. Nothing was charged.")


def _admitted(actor: Actor, order: Order) -> Quote:
    """The price, if the order may be placed at all."""
    if not actor.may(Action.CREATE):
        raise NotAllowed(f"Your role in {actor.workspace} ({actor.role.label}) cannot create clips.")
    if order.drawn_in not in (None, actor.workspace.pk):
        raise OtherWorkspace(
            f"You are in {actor.workspace} now, and this form was made in another workspace. Nothing was "
            f"charged; send it again if {actor.workspace} shall pay."
        )
    switch = EndpointSwitch.of(order.endpoint.id)
    if not switch.on_sale:
        raise OffSale(f"{order.endpoint.title} is switched off at the moment. {switch.note}".strip())
    if not has_room():
        raise Full("There is no room for new clips; an administrator has to make some. Nothing was charged.")
    _not_too_many(actor, order.takes)
    quote = price(order.endpoint, order.input, order.takes)
    if quote.total != order.quoted:
        raise PriceChanged(
            f"The price is {quote.total} credits, not {order.quoted} as shown before. Nothing was charged."
        )
    return quote


def _not_too_many(actor: Actor, more: int) -> None:
    """A courtesy to colleagues, not about money: two presses at the same moment may both just fit."""
    waiting = Generation.objects.waiting() | Generation.objects.awaiting()
    mine = waiting.filter(workspace=actor.workspace, author=actor.user)
    most = settings.MEMBER_MAX_QUEUED
    if mine.count() + more > most:
        raise TooMany(
            f"{most} clips of yours wait already, which is the most. Nothing was charged; try again later."
        )


def _placed_before(actor: Actor, order: Order) -> list[Generation]:
    # Of this workspace: who is not in the other one any more learns nothing about it by an old form.
    mine = Generation.objects.filter(workspace=actor.workspace, author=actor.user, form_key=order.form_key)
    known = list(mine.order_by("take"))
    if known and known[0].input_digest != order.digest:
        raise KeyReused("This form was sent before with other settings. Send it again to make another clip.")
    return known


def _row(actor: Actor, order: Order, quote: Quote, take: int, at: datetime) -> Generation:
    return Generation(
        workspace=actor.workspace,
        author=actor.user,
        created_at=at,
        form_key=order.form_key,
        take=take,
        input_digest=order.digest,
        endpoint=order.endpoint.id,
        mode=order.endpoint.mode.value,
        prompt=order.input["prompt"],
        input=_with_seed(order, take),
        resolution=str(order.input.get("resolution", "")),
        seconds=seconds_of(order.input),
        audio=bool(order.input.get("generate_audio", False)),
        remix_of_id=order.remix_of,
        hold=set_aside(actor, order.endpoint, order.input, quote.credits),
        cost=quote.credits,
        usd=quote.usd,
        price_lines=[line.as_json() for line in quote.lines],
        price_version=prices.PRICE_VERSION,
        wake_at=at,
        poked_at=at,
        deadline_at=at + business(QUEUE_DEADLINE),
    )


def set_aside(actor: Actor, endpoint: Endpoint, values: dict[str, Any], amount: int) -> Hold:
    """An unsaved hold with what budgets ask about it."""
    return Hold(
        amount=amount,
        spender=actor.user,
        role=actor.role.value,
        token=actor.token,
        tier=endpoint.quality.value,
        resolution=str(values.get("resolution", "")),
    )


def _with_seed(order: Order, take: int) -> dict[str, Any]:
    """Always a concrete seed: takes differ from each other, and a lost submit can be told from its twins."""
    if order.endpoint.field("seed") is None:
        return order.input
    given = order.input.get("seed")
    seed = secrets.randbelow(SEED_RANGE) if given is None else (given + take - 1) % SEED_RANGE
    return {**order.input, "seed": seed}


def _rows(actor: Actor, generations: Sequence[Generation]) -> list[Any]:
    changes = [StateChange(generation=each, after=State.QUEUED, cause="created") for each in generations]
    first = generations[0]
    event = AuditEvent.of(
        "generation.created",
        first,
        actor=actor.user,
        acting_as=actor.capacity,
        endpoint=first.endpoint,
        takes=len(generations),
        credits=sum(each.cost for each in generations),
    )
    return [*generations, *changes, event]
