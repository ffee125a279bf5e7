"""The create page: tabs, form, live quote, and the press of the button."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actor import ActorRequest, with_actor
from accounts.models import Wallet
from accounts.policy import Action, Actor
from generations import orders, parking
from generations.allowance import Allowance, allowance, budgets_of
from generations.catalogue import CATALOGUE, Endpoint, Mode, Quality, choose
from generations.forms import GenerationForm
from generations.media.intake import SECONDS_TOLERANCE, check_extendable
from generations.models import EndpointSwitch, Generation, Notice
from generations.orders import price
from generations.switching import aim, switch

GONE = "The model of that page is not offered any more; look at this one and its price. Nothing was charged."


@dataclass
class Page:
    """What a create page shows besides its form."""

    form: GenerationForm
    notes: list[str] = field(default_factory=list)
    refusal: str = ""
    refusal_kind: str = ""
    chosen_clip: Generation | None = None


@require_http_methods(["GET", "HEAD", "POST"])
@with_actor
def create(request: ActorRequest) -> HttpResponse:
    """Show the form, switch its tab, refresh its price, or place the order."""
    if not request.actor.may(Action.CREATE):
        return render(request, "generations/create_refused.html", status=403)
    if request.method != "POST":
        return _page(request, _blank(request.actor, request.GET))
    form = GenerationForm(_endpoint(request.POST), request.actor, request.POST, request.FILES)
    if "to" in request.POST:
        return _page(request, _switched(form, request.POST["to"]))
    if "requote" in request.POST:
        form.is_valid()
        form.show_again()
        return _page(request, Page(form))
    if request.POST.get("endpoint") not in CATALOGUE:
        form.is_valid()
        form.show_again()
        return _page(request, Page(form, refusal=GONE, refusal_kind=orders.OffSale.__name__), status=409)
    return _placed(request, form)


@require_POST
@with_actor
def quote(request: ActorRequest) -> HttpResponse:
    """The price of the form as it stands; files are not looked at."""
    form = GenerationForm(_endpoint(request.POST), request.actor, request.POST)
    return render(request, "generations/_quote.html", _priced(form))


def _placed(request: ActorRequest, form: GenerationForm) -> HttpResponse:
    if not form.is_valid():
        form.show_again()
        return _page(request, Page(form), status=422)
    try:
        placed = orders.place(request.actor, form.order())
    except orders.Refused as refused:
        form.show_again(new_key=isinstance(refused, orders.KeyReused))
        page = Page(form, refusal=str(refused), refusal_kind=type(refused).__name__)
        return _page(request, page, status=409)
    count = len(placed)
    on_its_way = "On its way." if count == 1 else f"{count} takes are on their way."
    messages.success(request, parking.words(placed) or on_its_way)
    return redirect("generations:queue")


def _switched(form: GenerationForm, to: str) -> Page:
    mode, _, quality = to.partition("/")
    target, wanted = aim(form, _word(Mode, mode, form.endpoint.mode), _word(Quality, quality, None))
    switched = switch(form, target, wanted)
    return Page(GenerationForm(target, form.actor, initial=switched.initial), switched.notes)


def _blank(actor: Actor, query: QueryDict) -> Page:
    """A first form: by address, by “use these settings”, or by “extend this clip”."""
    if (source := _seen(actor, query.get("remix"))) and (sold := CATALOGUE.get(source.endpoint)):
        initial = {key: value for key, value in source.input.items() if key != "seed"}
        for described in sold.media_fields:
            value = initial[described.name]
            initial[described.name] = value if isinstance(value, list) else [value]
        initial["remix_of"] = source.pk
        notes = ["Settings taken from an earlier clip. A new seed will be drawn."]
        return Page(GenerationForm(sold, actor, initial=initial), notes)
    endpoint = _endpoint(query)
    initial = {"prompt": query["prompt"]} if "prompt" in query else {}
    if (source := _seen(actor, query.get("extend"))) and source.clip:
        endpoint = choose(Mode.EXTEND, _word(Quality, query.get("quality", ""), Quality.FAST))
        return _extending(actor, endpoint, source)
    return Page(GenerationForm(endpoint, actor, initial=initial))


def _extending(actor: Actor, endpoint: Endpoint, source: Generation) -> Page:
    try:
        check_extendable(source)
    except ValidationError as error:
        return Page(GenerationForm(endpoint, actor), error.messages)
    form = GenerationForm(endpoint, actor, initial={"prompt": source.prompt})
    return Page(form, chosen_clip=source)


def _seen(actor: Actor, key: str | None) -> Generation | None:
    try:
        return Generation.objects.visible_to(actor).filter(pk=uuid.UUID(key or "")).first()
    except ValueError:
        return None


def _endpoint(data: QueryDict) -> Endpoint:
    named = CATALOGUE.get(data.get("endpoint", ""))
    if named:
        return named
    return choose(
        _word(Mode, data.get("mode", ""), Mode.TEXT), _word(Quality, data.get("quality", ""), Quality.LITE)
    )


def _word(kind: Any, value: str, otherwise: Any) -> Any:
    return kind(value) if value in list(kind) else otherwise


def _priced(form: GenerationForm) -> dict[str, Any]:
    wallet = Wallet.objects.get(workspace=form.actor.workspace)
    quoted = form.quote()
    priced = {"form": form, "quote": quoted, "wallet": wallet, "after": wallet.available - quoted.total}
    priced["off"] = not form.switch.on_sale  # then nothing is promised, and there is nothing to press
    return priced | {"budget": _allowed(form, wallet, quoted.total)}


def _allowed(form: GenerationForm, wallet: Wallet, total: int) -> Allowance | None:
    """What budgets say; who has none is spared the question."""
    if not wallet.budgeted:
        return None
    hold = orders.set_aside(form.actor, form.endpoint, form.priced_values, total)
    return allowance(budgets_of(form.actor.workspace.pk), hold, total)


def _page(request: HttpRequest, page: Page, status: int = 200) -> HttpResponse:
    form = page.form
    context = _priced(form) | {
        "endpoint": form.endpoint,
        "modes": [(mode, mode == form.endpoint.mode) for mode in Mode],
        "qualities": _qualities(form.endpoint),
        "notes": page.notes,
        "refusal": page.refusal,
        "refusal_kind": page.refusal_kind,
        "warnings": form.warnings(),
        "switch": form.switch,
        # The refusal says it already, unless that one is about another model.
        "say_off": not form.switch.on_sale
        and (page.refusal == GONE or page.refusal_kind != orders.OffSale.__name__),
        "notice": Notice.objects.filter(pk=Notice.Place.CREATE).first(),
        "clips": _extendable(form, page.chosen_clip),
        "chosen_clip": page.chosen_clip,
    }
    htmx = getattr(request, "htmx", False)
    template = "generations/create.html#composer" if htmx else "generations/create.html"
    response = render(request, template, context, status=status)
    if request.method == "POST" and "to" in request.POST and htmx:
        response["HX-Push-Url"] = f"{reverse('generations:create')}?endpoint={form.endpoint.id}"
    return response


def _qualities(current: Endpoint) -> list[dict[str, Any]]:
    """A card for each family: its endpoint for this mode, its cheapest rate, or that it has none."""
    off = set(EndpointSwitch.objects.filter(on_sale=False).values_list("endpoint", flat=True))
    cards = []
    for quality in Quality:
        endpoint = choose(current.mode, quality)
        exists = endpoint.quality == quality
        cards.append(
            {
                "quality": quality,
                "endpoint": endpoint if exists else None,
                "active": quality == current.quality,
                "from_credits": _cheapest(endpoint) if exists else None,
                "off": exists and endpoint.id in off,
            }
        )
    return cards


def _cheapest(endpoint: Endpoint) -> int:
    """Credits of the least expensive clip an endpoint sells."""
    duration = endpoint.field("duration")
    resolution = endpoint.field("resolution")
    return min(
        price(
            endpoint,
            {"duration": length, "resolution": size, "generate_audio": False},
            takes=1,
        ).credits
        for length in (duration.choices if duration else ())
        for size in (resolution.choices if resolution else ("",))
    )


def _extendable(form: GenerationForm, chosen: Generation | None) -> list[Generation]:
    """The chosen clip and the newest of the workspace that may be extended, for the picker."""
    if form.endpoint.mode != Mode.EXTEND:
        return []
    ready = Generation.objects.visible_to(form.actor).filter(state="succeeded").for_cards()
    short = ready.filter(clip__seconds__lte=settings.EXTEND_MAX_SECONDS + SECONDS_TOLERANCE)
    # fal extends what Veo made, in 720p or 1080p; Kling's clips carry no resolution.
    veo = short.filter(resolution__in=["720p", "1080p"])
    newest = list(veo.order_by("-created_at", "-id")[:12])
    return newest if chosen is None or chosen in newest else [chosen, *newest]
