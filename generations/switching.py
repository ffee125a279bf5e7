"""Changing tab: carry over every value that fits the other endpoint and say what changed."""

import json
from dataclasses import dataclass, field
from typing import Any

from generations.catalogue import Endpoint, Field, Kind
from generations.forms import GenerationForm, MediaField, unpark
from generations.models import EndpointSwitch


@dataclass
class Switched:
    """Initial values for the other endpoint's form, and what a person should know."""

    initial: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def switch(form: GenerationForm, target: Endpoint) -> Switched:
    """Carry the values of a bound `form` (valid or not) to `target`."""
    form.is_valid()  # stores new files, so that nothing picked is lost by looking at another tab
    old = unpark(str(form["parked"].value() or ""))
    values = old | _values(form)
    switched = Switched({name: form[name].value() for name in ("form_key", "takes", "remix_of")})
    older = EndpointSwitch.of(target.id).older_choices
    for described in target.fields:
        if described.kind.is_media or described.name not in values:
            continue
        value = values[described.name]
        offered = described.choices + (described.older_choices if older else ())
        if described.kind != Kind.CHOICE or value in offered:
            switched.initial[described.name] = value
        else:
            switched.initial[described.name] = described.default
            switched.notes.append(_set_to_default(described, value, target))
    _carry_media(form, target, switched, old)
    _park(form, target, values, switched)
    return switched


def _values(form: GenerationForm) -> dict[str, Any]:
    """What was typed and chosen; defaults of the old endpoint are not choices and do not travel."""
    values = {}
    for described in form.endpoint.fields:
        value = form[described.name].value()
        if not described.kind.is_media and value not in (None, "") and value != described.default:
            values[described.name] = value
    return values


def _set_to_default(described: Field, value: Any, target: Endpoint) -> str:
    labels = dict(described.labels)
    default = labels.get(described.default, described.default)
    return f"{described.label} {value} is not offered by {target.title}; it is now {default}."


def _carry_media(form: GenerationForm, target: Endpoint, switched: Switched, old: dict[str, Any]) -> None:
    """Pictures move to the slots of the other tab in order: an image becomes the first frame."""
    kept = [
        upload
        for bound in form.fields.values()
        if isinstance(bound, MediaField)
        for upload in bound.kept
    ]
    parked = list(old.get("_images", [])), list(old.get("_videos", []))
    images = [str(each.pk) for each in kept if each.kind == "image"] or parked[0]
    videos = [str(each.pk) for each in kept if each.kind == "video"] or parked[1]
    spare = list(images)
    for described in target.media_fields:
        if described.kind == Kind.VIDEO:
            switched.initial[described.name] = videos[:1]
            continue
        most = int(described.maximum or 1)
        switched.initial[described.name], spare = spare[:most], spare[most:]
    switched.initial["_images"], switched.initial["_videos"] = images, videos
    if spare and any(described.kind != Kind.VIDEO for described in target.media_fields):
        switched.notes.append(f"{target.title} takes fewer pictures; the others wait in their tab.")


def _park(form: GenerationForm, target: Endpoint, values: dict[str, Any], switched: Switched) -> None:
    unused = {name: value for name, value in values.items() if target.field(name) is None and name[0] != "_"}
    for name in unused:
        described = form.endpoint.field(name)
        if described is not None:
            switched.notes.append(f"{described.label} is not used by {target.title}; it is kept for later.")
    media = {name: switched.initial.pop(name) for name in ("_images", "_videos")}
    switched.initial["parked"] = json.dumps(unused | media)
