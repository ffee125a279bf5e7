"""What the house says on every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from generations.models import Breaker, Notice


def bar(request: HttpRequest) -> dict[str, Any]:
    """`bar`: the notice for every page, asked for only by templates that show it."""
    return {"bar": SimpleLazyObject(lambda: Notice.objects.filter(pk=Notice.Place.BAR).first())}


def door(request: HttpRequest) -> dict[str, Any]:
    """`breaker`: fal's, while nothing is sent because of it; asked for only by templates that show it."""
    shut = Breaker.objects.exclude(state=Breaker.State.CLOSED)
    return {"breaker": SimpleLazyObject(lambda: shut.filter(pk="fal").first())}
