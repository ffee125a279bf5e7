"""What it would cost."""

from ninja import Router

from accounts.actor import ActorRequest
from accounts.policy import Action
from generations.api import representation as say
from generations.api import wishes
from generations.api.bearer import need
from generations.api.representation import QuoteOut, Wish

router = Router(tags=["Quotes"])


@router.post("/quotes", response=QuoteOut, url_name="quotes", summary="Ask a price")
def asked(request: ActorRequest, wish: Wish) -> QuoteOut:
    """The price of a generation now, to the credit. What is missing may be missing here: prompt, files.

    Scope: `generations:create`.
    """
    need(request.actor, Action.CREATE)
    quoted = wishes.quote(request.actor, wish)
    return say.quote(wishes.endpoint_of(wish), quoted)
