"""One press of the button, as the product does it: the rows it makes, and the verbs that make them.

Runs in client processes; each function here prepares an operation that a client then repeats.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from django.utils import timezone

from accounts.models import AuditEvent, Hold, Role, User, Wallet
from accounts.policy import Actor
from generations import orders
from generations.catalogue import find
from generations.models import Generation, State, StateChange

ENDPOINT = "fal-ai/veo3.1/lite"
VALUES: dict[str, Any] = {
    "prompt": "A lighthouse at dusk, waves against the rocks, a single lamp turning",
    "duration": "8s",
    "resolution": "720p",
    "aspect_ratio": "16:9",
    "generate_audio": True,
    "seed": 7,
}
Rows = tuple[Hold, Generation, StateChange, AuditEvent]


def rows_of(wallet: Wallet, author: User) -> Rows:
    """The same rows that an order makes; a client has no say in what they cost."""
    now = timezone.now()
    quote = orders.price(find(ENDPOINT), VALUES, takes=1)
    hold = Hold(amount=quote.credits)
    generation = Generation(
        workspace_id=wallet.workspace_id,
        author=author,
        form_key=uuid.uuid4(),
        input_digest="0" * 64,
        endpoint=ENDPOINT,
        mode="text",
        prompt=VALUES["prompt"],
        input=VALUES,
        resolution=VALUES["resolution"],
        seconds=8,
        audio=True,
        hold=hold,
        cost=quote.credits,
        usd=quote.usd,
        price_lines=[line.as_json() for line in quote.lines],
        price_version="benchmark",
        wake_at=now,
        poked_at=now,
        deadline_at=now,
    )
    change = StateChange(generation=generation, after=State.QUEUED, cause="created")
    event = AuditEvent.of(
        "generation.created", hold, actor=author, endpoint=ENDPOINT, takes=1, credits=quote.credits
    )
    event.object, event.workspace_id = f"generation:{generation.pk}", wallet.workspace_id
    return hold, generation, change, event


def cost() -> int:
    """Credits of one reservation."""
    return orders.price(find(ENDPOINT), VALUES, takes=1).credits


def somebody(hot: bool) -> Iterator[tuple[Wallet, User]]:
    """A wallet and one of its people, again and again: always the same when `hot`, else at random."""
    wallets = list(Wallet.objects.select_related("workspace").order_by("pk"))
    people = list(User.objects.order_by("pk"))
    pairs = list(zip(wallets, people, strict=True))
    if hot:
        return cycle(pairs[:1])
    random.shuffle(pairs)
    return cycle(pairs)


def hold(hot: bool) -> Callable[[], bool]:
    """The product's hot path: credits and rows in one statement."""
    turn = somebody(hot)

    def reserve() -> bool:
        wallet, author = next(turn)
        first, *others = rows_of(wallet, author)
        return wallet.hold([first], rows=others)

    return reserve


def place(hot: bool) -> Callable[[], bool]:
    """The whole order: what was pressed before, the switch, the price, the hold, the bell."""
    turn = somebody(hot)
    endpoint = find(ENDPOINT)
    quoted = orders.price(endpoint, VALUES, takes=1).total

    def reserve() -> bool:
        wallet, author = next(turn)
        actor = Actor(author, wallet.workspace, Role.OWNER)
        orders.place(actor, orders.Order(endpoint, VALUES, 1, uuid.uuid4(), quoted))
        return True

    return reserve
