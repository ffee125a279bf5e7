"""How forms, cards and states look: icons, partials by kind, and what a card's shape is."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import forms, template
from django.forms import BoundField
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from generations.catalogue import Kind
from generations.fal.failures import Reason
from generations.forms import GenerationForm, MediaField
from generations.media.intake import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES
from generations.models import Collection, Generation, State, Upload, Visibility
from generations.sharing import choices
from generations.views.back import where

register = template.Library()

STATE_ICONS = {
    State.AWAITING: "person",
    State.QUEUED: "clock",
    State.SUBMITTING: "send",
    State.AMBIGUOUS: "question",
    State.SUBMITTED: "reel",
    State.STORING: "download",
    State.SUCCEEDED: "check",
    State.FAILED: "alert",
    State.CANCELLED: "cross",
}
# A shape and what its ratio stays below: half way between 9:16, 3:4, 1:1, 4:3 and 16:9.
SHAPES = {"tall": 0.65, "portrait": 0.87, "square": 1.16, "classic": 1.55}
VISIBILITY_ICONS = {Visibility.PRIVATE: "lock", Visibility.WORKSPACE: "team", Visibility.LINK: "link"}
# More than that nobody chooses from a list.
MOST_SHELVES = 200
EVENT_ICONS = {"state": "reel", "money": "credits"}
# What the price depends on: a change of one of these asks for a new quote.
PRICED = ("duration", "resolution", "generate_audio", "takes")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture from the sprite, silent for screen readers: the word always stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons/sprite.svg"),
        name,
    )


@register.filter
def state_icon(state: str) -> str:
    """The picture of a state."""
    return STATE_ICONS.get(State(state), "info")


@register.filter
def bare(field: BoundField) -> BoundField:
    """Without the placeholder with which allauth repeats the label."""
    field.field.widget.attrs.pop("placeholder", None)
    return field


@register.filter
def state_words(generation: Generation) -> str:
    """What people call the state it is in."""
    if generation.cancel_requested_at and generation.is_open:
        return "Stopping"
    if generation.late_free:
        return "Ready, free"
    if generation.reason == Reason.DENIED:
        return "Denied"
    if generation.state == State.SUBMITTED and generation.queue_position is not None:
        return "In fal’s queue"
    return str(generation.get_state_display())


@register.filter
def event_icon(kind: str) -> str:
    """The picture of a timeline entry."""
    return EVENT_ICONS.get(kind, "info")


@register.filter
def shape(generation: Generation) -> str:
    """The nearest of five shapes: of the clip itself, or as ordered while there is none."""
    clip = generation.clip
    if clip is None:
        ordered = generation.input.get("aspect_ratio")
        return {"9:16": "tall", "1:1": "square"}.get(str(ordered), "wide")
    ratio = clip.width / clip.height
    return next((name for name, most in SHAPES.items() if ratio < most), "wide")


@register.filter
def timespan(seconds: int) -> str:
    """`95` as `1 min 35 s`; nobody reads more than two units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join([f"{value}\u00a0{unit}" for value, unit in parts if value][:2]) or "0\u00a0s"


@register.filter
def about(seconds: int) -> str:
    """The same of a typical time: below ten seconds a figure would only look exact."""
    return timespan(seconds) if seconds >= 10 else "a few seconds"


@register.filter
def signed(amount: int) -> str:
    """`+1 234` or `−40`, with a real minus."""
    digits = f"{abs(amount):,}".replace(",", "\u202f")
    return f"{'−' if amount < 0 else '+'}{digits}"


# ── Who sees a clip, and where it is collected ──────────────────────────────────────────────────


@register.filter
def hidden_from(generation: Generation, user: User) -> bool:
    """Whether a page may only say that there is a private clip."""
    return generation.hidden_from(user)


@register.filter
def visibility_icon(visibility: str) -> str:
    """The picture of who sees it."""
    return VISIBILITY_ICONS[Visibility(visibility)]


@register.simple_tag(takes_context=True)
def may_choose(context: dict[str, Any], generation: Generation) -> list[Visibility]:
    """What this actor may choose about who sees it."""
    return choices(context["actor"], generation)


@register.simple_tag(takes_context=True)
def shelves(context: dict[str, Any]) -> list[Collection]:
    """The workspace's collections, the newest first; asked for once in a page, for all of its cards."""
    request = context["request"]
    if not hasattr(request, "shelves"):
        seen = Collection.objects.visible_to(request.actor)
        request.shelves = list(seen.order_by("-created_at")[:MOST_SHELVES])
    found: list[Collection] = request.shelves
    return found


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any]) -> str:
    """The address of this page, to come back to."""
    return where(context["request"])


# ── The create form ─────────────────────────────────────────────────────────────────────────────


def _media(bound: BoundField) -> MediaField:
    assert isinstance(bound.field, MediaField)
    return bound.field


def _described(form: GenerationForm) -> list[BoundField]:
    return [form[name] for name, field in form.fields.items() if hasattr(field, "described")]


@register.filter
def media_fields(form: GenerationForm) -> list[BoundField]:
    """Where files go."""
    return [bound for bound in _described(form) if isinstance(bound.field, MediaField)]


@register.filter
def main_fields(form: GenerationForm) -> list[BoundField]:
    """What is chosen for every shot: format, length, resolution, sound, takes."""
    rest = [
        bound
        for bound in _described(form)
        if bound.name != "prompt" and not isinstance(bound.field, MediaField) and not _is_advanced(bound)
    ]
    return [*rest, form["takes"]]


@register.filter
def advanced_fields(form: GenerationForm) -> list[BoundField]:
    """What is chosen now and then; folded away."""
    return [bound for bound in _described(form) if _is_advanced(bound)]


@register.filter
def changed_count(bounds: Iterable[BoundField]) -> int:
    """How many differ from the default or are wrong."""
    return sum(bool(bound.errors) or not _is_default(bound) for bound in bounds)


@register.filter
def partial(bound: BoundField) -> str:
    """The template that draws a field."""
    described = getattr(bound.field, "described", None)
    if described is None:
        return "generations/_field_choice.html"
    if described.is_fixed:
        return "generations/_field_fixed.html"
    kind = "media" if described.kind.is_media else described.kind.value
    return f"generations/_field_{'number' if kind == 'integer' else kind}.html"


@register.filter
def is_priced(bound: BoundField) -> bool:
    """Whether a change of this field changes the price."""
    return bound.name in PRICED


@register.filter
def accept(bound: BoundField) -> str:
    """What a file picker offers."""
    kind = _media(bound).upload_kind
    return "video/mp4" if kind == Upload.Kind.VIDEO else "image/jpeg,image/png,image/webp"


@register.filter
def most_bytes(bound: BoundField) -> int:
    """How large one file may be."""
    return MAX_VIDEO_BYTES if _media(bound).upload_kind == Upload.Kind.VIDEO else MAX_IMAGE_BYTES


@register.filter
def first_picture(form: GenerationForm) -> Upload | None:
    """The first picture chosen already, for the viewfinder."""
    pictures = [
        upload for bound in media_fields(form) for upload in _media(bound).kept if upload.kind == "image"
    ]
    return pictures[0] if pictures else None


@register.filter
def faults(form: forms.Form) -> list[dict[str, Any]]:
    """What is wrong, with the id of the control to go to."""
    found = []
    for name, texts in form.errors.items():
        bound = form[name] if name in form.fields else None
        hidden = bound is None or bound.is_hidden
        target = "" if hidden or bound is None else bound.id_for_label or f"{bound.auto_id}_0"
        label = "" if hidden or bound is None else bound.label
        found.append({"target": target, "label": label, "texts": list(texts)})
    return found


def _is_advanced(bound: BoundField) -> bool:
    return bool(bound.field.described.advanced)  # type: ignore[attr-defined]  # set by GenerationForm


def _is_default(bound: BoundField) -> bool:
    described, value = bound.field.described, bound.value()  # type: ignore[attr-defined]  # as above
    if described.kind == Kind.SWITCH:
        return bool(value) == bool(described.default)
    if value in (None, ""):
        return True
    return str(value) == str(described.default)


# ── Live cards ──────────────────────────────────────────────────────────────────────────────────


@register.simple_tag
def watch_url(cards: Iterable[Generation], *, detail: bool = False) -> str:
    """Where to ask whether the open ones among `cards` changed; empty when none is open."""
    known = [("c", f"{each.pk}:{each.revision}") for each in cards if each.is_open]
    if not known:
        return ""
    query = urlencode(known + ([("detail", "1")] if detail else []), safe=":")
    return f"{reverse('generations:live')}?{query}"


@register.filter
def any_open(cards: Iterable[Generation]) -> bool:
    """Whether something on the page may still change."""
    return any(each.is_open for each in cards)


@register.filter
def missing(after: int) -> int:
    """How many credits are missing when so many (below zero) would be left."""
    return max(0, -after)


@register.filter
def alone(generation: Generation) -> list[Generation]:
    """A list of one."""
    return [generation]
