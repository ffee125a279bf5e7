"""Changing tab: carry over every value that fits the other endpoint and say what changed.

What a person chose (a *wish*) is remembered in the form's `parked` value, also while it does not fit,
so that going back finds it. Defaults are no wishes: each endpoint brings its own.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from generations.catalogue import Endpoint, Field, Kind, Mode, Quality, choose
from generations.forms import GenerationForm, MediaField, as_uuid, unpark
from generations.models import EndpointSwitch

Values = dict[str, Any]
HALVES = re.compile(r"[\ud800-\udfff]")


@dataclass
class Switched:
    """Initial values for the other endpoint's form, and what a person should know."""

    initial: Values = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def aim(form: GenerationForm, mode: Mode, quality: Quality | None) -> tuple[Endpoint, Quality]:
    """The endpoint for a tab, and the quality wanted: the one asked for, or the last one there was."""
    parked = unpark(str(form["parked"].value() or "")).get("_quality")
    last = Quality(parked) if parked in list(Quality) else form.endpoint.quality
    wanted = quality or last
    return choose(mode, wanted), wanted


def switch(form: GenerationForm, target: Endpoint, wanted: Quality | None = None) -> Switched:
    """Carry the values of a bound `form` (valid or not) to `target`. New files are stored first."""
    form.is_valid()  # nothing picked is lost by looking at another tab
    parked = unpark(str(form["parked"].value() or ""))
    remembered = {name: value for name, value in parked.items() if _is_plain(name, value)}
    shown = _shown(form)
    wishes = remembered | _wishes(form, shown, remembered)
    switched = Switched({"takes": form.chosen_takes})
    for name in ("form_key", "remix_of"):
        if key := as_uuid(form[name].value()):
            switched.initial[name] = key
    if wanted and wanted != target.quality:
        switched.notes.append(
            f"{wanted.label} has no mode “{target.mode.label}”. This is {target.title}; see the new price."
        )
    _carry(form, target, wishes, shown, switched)
    media = _carry_media(form, target, parked, switched)
    kept = {name: value for name, value in wishes.items() if not _is_in_sight(target, name)}
    quality = {"_quality": wanted.value} if wanted and wanted != target.quality else {}
    switched.initial["parked"] = json.dumps(kept | media | quality)
    return switched


def _is_plain(name: str, value: Any) -> bool:
    # Half a sign, as JSON can write it, is none that a page could be made of.
    whole = not isinstance(value, str) or not HALVES.search(value)
    return not name.startswith("_") and whole and isinstance(value, str | int | float)


def _shown(form: GenerationForm) -> Values:
    """What stood in the fields when the tab was changed."""
    return {each.name: form[each.name].value() for each in form.endpoint.fields if not each.kind.is_media}


def _wishes(form: GenerationForm, shown: Values, remembered: Values) -> Values:
    """What was chosen here: what differs from the default, or was a wish and was set back to the default."""
    wishes = {}
    for name, value in shown.items():
        described = _described(form.endpoint, name)
        if value is None or (described.kind == Kind.CHOICE and value not in form.offered(described)):
            continue
        was_offered = described.kind != Kind.CHOICE or remembered.get(name) in form.offered(described)
        if not _is_default(form, described, value) or (name in remembered and was_offered):
            wishes[name] = value
    return wishes


def _is_default(form: GenerationForm, described: Field, value: Any) -> bool:
    try:
        return not form.fields[described.name].has_changed(described.default, value)
    except ValidationError:
        return False  # something unreadable was typed


def _is_in_sight(target: Endpoint, name: str) -> bool:
    """Texts are carried by the form itself; choices are remembered even while they are shown."""
    described = target.field(name)
    return described is not None and described.kind == Kind.TEXT


def _carry(form: GenerationForm, target: Endpoint, wishes: Values, shown: Values, switched: Switched) -> None:
    older = EndpointSwitch.of(target.id).older_choices
    usual = []
    for described in target.fields:
        name = described.name
        if described.kind.is_media:
            continue
        offered = described.choices + (described.older_choices if older else ())
        if name in wishes and (described.kind != Kind.CHOICE or wishes[name] in offered):
            switched.initial[name] = wishes[name]
            switched.notes += _too_long(described, wishes[name], target)
        elif name in wishes:
            switched.initial[name] = described.default
            if shown.get(name) == wishes[name]:
                switched.notes.append(_not_offered(form, described, wishes[name], target))
        elif shown.get(name) is not None and not _is_default(form, described, shown[name]):
            usual.append(f"{described.label} is {_in_words(described, described.default)}")
    if usual:
        switched.notes.append(f"As usual for {target.title}: {', '.join(usual)}.")
    switched.notes += _gone(form, target, wishes, shown)


def _not_offered(form: GenerationForm, described: Field, value: Any, target: Endpoint) -> str:
    before = _in_words(_described(form.endpoint, described.name), value)
    now = _in_words(described, described.default)
    return f"{described.label} {before} is not offered by {target.title}; it is now {now}."


def _too_long(described: Field, value: Any, target: Endpoint) -> list[str]:
    most = described.max_length
    if most is None or len(str(value)) <= most:
        return []
    return [
        f"{described.label} is longer than the {most:,} characters that {target.title} takes; shorten it."
    ]


def _gone(form: GenerationForm, target: Endpoint, wishes: Values, shown: Values) -> list[str]:
    """What this endpoint has and the other one lacks, as far as somebody chose it or would miss it."""
    lost = [each for each in form.endpoint.fields if each.name in shown and target.field(each.name) is None]
    labels = [each.label for each in lost if each.name in wishes or not each.advanced]
    if not labels:
        return []
    kept = " What you chose is kept for later." if any(each.name in wishes for each in lost) else ""
    return [f"{target.title} has no {', '.join(labels)}.{kept}"]


def _in_words(described: Field, value: Any) -> str:
    if described.kind == Kind.SWITCH:
        return "on" if value else "off"
    return str(dict(described.labels).get(value, value)) if value not in (None, "") else "empty"


def _described(endpoint: Endpoint, name: str) -> Field:
    described = endpoint.field(name)
    assert described is not None
    return described


def _carry_media(form: GenerationForm, target: Endpoint, parked: Values, switched: Switched) -> Values:
    """Files move to the places of the other tab in order: an image becomes the first frame.

    Returns what to remember: all files in order, and which stood where, so that going back finds each
    in its own place.
    """
    places = {
        name: [str(each.pk) for each in bound.kept]
        for name, bound in form.fields.items()
        if isinstance(bound, MediaField)
    }
    for name in places:
        problems = [each for each in form.errors.as_data().get(name, []) if each.code != "required"]
        switched.notes += [text for each in problems for text in each.messages]
    known = _texts_by_name(parked.get("_places")) | places
    pictures = _pool(form, parked, places, videos=False)
    videos = _pool(form, parked, places, videos=True)
    slots = [each for each in target.media_fields if each.kind != Kind.VIDEO]
    reels = [each for each in target.media_fields if each.kind == Kind.VIDEO]
    spare = _settle(slots, pictures, known, switched.initial)
    _settle(reels, videos, known, switched.initial)
    if spare and slots:
        switched.notes.append(f"{target.title} takes fewer pictures; the others wait in their tab.")
    return {"_images": pictures, "_videos": videos, "_places": known}


def _pool(form: GenerationForm, parked: Values, places: dict[str, list[str]], *, videos: bool) -> list[str]:
    """All files of a kind: those shown here, then those for which this tab had no place."""
    here = [each for each in form.endpoint.media_fields if (each.kind == Kind.VIDEO) == videos]
    room = sum(int(each.maximum or 1) for each in here)
    waiting = _texts(parked.get("_videos" if videos else "_images"))[room:]
    return [key for each in here for key in places[each.name]] + waiting


def _settle(slots: list[Field], files: list[str], known: dict[str, list[str]], initial: Values) -> list[str]:
    """Give the files their former places, or the first ones; those without a place are returned."""
    room = sum(int(each.maximum or 1) for each in slots)
    before = [key for each in slots for key in known.get(each.name, [])]
    if before and sorted(before) == sorted(files[:room]):
        initial.update({each.name: known[each.name] for each in slots if each.name in known})
        return files[room:]
    spare = list(files)
    for each in slots:
        most = int(each.maximum or 1)
        initial[each.name], spare = spare[:most], spare[most:]
    return spare


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _texts_by_name(value: Any) -> dict[str, list[str]]:
    return {name: _texts(each) for name, each in value.items()} if isinstance(value, dict) else {}
