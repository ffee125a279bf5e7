"""From the API's words to the product's form: what is wanted, checked as the create page checks it."""

import uuid
from typing import Any

from accounts.policy import Actor
from generations.api.problems import Problem, invalid
from generations.api.representation import Wish
from generations.catalogue import CATALOGUE, Endpoint
from generations.forms import GenerationForm
from generations.orders import Order
from generations.prices import Quote
from generations.schema import form_data


def endpoint_of(wish: Wish) -> Endpoint:
    """The endpoint that is named. Raises Problem."""
    if entry := CATALOGUE.get(wish.endpoint):
        return entry
    raise invalid(endpoint="There is no such endpoint; GET /endpoints lists them.")


def order(actor: Actor, wish: Wish, key: uuid.UUID) -> Order:
    """A valid order at today's price. Raises Problem with all that is wrong, by fal's parameter names."""
    form, errors = _filled_in(actor, wish, key)
    errors = _errors(form) | errors
    if errors:
        raise Problem("invalid", errors=errors)
    return form.order()


def quote(actor: Actor, wish: Wish) -> Quote:
    """The price of what is given: what is still missing does not change it. Raises Problem."""
    form, errors = _filled_in(actor, wish, uuid.uuid4())
    errors = _errors(form, but="required") | errors
    if errors:
        raise Problem("invalid", errors=errors)
    return form.quote()


def _filled_in(actor: Actor, wish: Wish, key: uuid.UUID) -> tuple[GenerationForm, dict[str, list[str]]]:
    entry = endpoint_of(wish)
    data, wrong = form_data(entry, wish.input)
    own: dict[str, Any] = {"form_key": str(key), "takes": 1, "drawn_in": str(actor.workspace.pk)}
    form = GenerationForm(entry, actor, data | own)
    form.data["quoted"] = form.quote().total  # type: ignore[index]  # it is our own dictionary
    return form, {name: [text] for name, text in wrong.items()}


def _errors(form: GenerationForm, but: str = "") -> dict[str, list[str]]:
    """What the form says. It never saw a value of a wrong JSON type: what is said of that type counts."""
    found = {
        name: [text for error in errors if error.code != but for text in error.messages]
        for name, errors in form.errors.as_data().items()
    }
    return {name: texts for name, texts in found.items() if texts}
