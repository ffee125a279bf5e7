"""Run again: the same shot as a new generation with a new hold. Nothing ever moves backwards."""

import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.views.decorators.http import require_POST

from accounts.actor import ActorRequest, with_actor
from accounts.policy import Action
from generations import orders, parking
from generations.catalogue import CATALOGUE, Endpoint
from generations.forms import GenerationForm
from generations.models import Generation


@require_POST
@with_actor
def again(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Order it once more, at the price the button showed; whatever is in the way opens the form instead."""
    source = get_object_or_404(Generation.objects.visible_to(request.actor), pk=pk)
    if not request.actor.may(Action.CREATE):
        return render(request, "403.html", status=403)
    form_address = f"{reverse('generations:create')}?{urlencode({'remix': pk})}"
    endpoint = CATALOGUE.get(source.endpoint)
    if endpoint is None:
        messages.error(request, "This model is not offered any more; choose another one here.")
        return redirect(form_address)
    form = GenerationForm(endpoint, request.actor, as_sent(source, endpoint, request.POST))
    if not form.is_valid():
        messages.error(request, "Some of its settings are not offered any more; look at them here.")
        return redirect(form_address)
    try:
        placed = orders.place(request.actor, form.order())
    except orders.Refused as refused:
        messages.error(request, str(refused))
        return redirect(form_address)
    messages.success(request, parking.words(placed) or "On its way once more.")
    return redirect("generations:queue")


def as_sent(source: Generation, endpoint: Endpoint, posted: QueryDict) -> "MultiValueDict[str, str]":
    """The form that would have made it, with a new seed and the button's key and price."""
    data: MultiValueDict[str, str] = MultiValueDict()
    for described in endpoint.fields:
        value = source.input.get(described.name)
        if value is None or described.name == "seed":
            continue
        if described.kind.is_media:
            data.setlist(f"{described.name}_upload", value if isinstance(value, list) else [value])
        else:
            data[described.name] = str(value).lower() if isinstance(value, bool) else str(value)
    for name in ("form_key", "quoted", "drawn_in"):
        data[name] = posted.get(name, "")
    data["takes"], data["remix_of"] = "1", str(source.pk)
    return data
