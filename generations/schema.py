"""The catalogue for machines and for the docs: JSON Schema, API input to form data, Markdown.

Files are upload ids here; their addresses are made when a generation is sent to fal.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from generations.catalogue import CATALOGUE, Endpoint, Field, Kind
from generations.media.intake import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES
from generations.prices import BasePlusSeconds, PerSecond

JSON_TYPES: dict[Kind, tuple[str, tuple[type, ...]]] = {
    Kind.TEXT: ("string", (str,)),
    Kind.CHOICE: ("string", (str,)),
    Kind.SWITCH: ("boolean", (bool,)),
    Kind.INTEGER: ("integer", (int,)),
    Kind.NUMBER: ("number", (int, float)),
    Kind.IMAGE: ("string", (str,)),
    Kind.IMAGES: ("array", (list,)),
    Kind.VIDEO: ("string", (str,)),
}


# ── For the API ─────────────────────────────────────────────────────────────────────────────────


def input_schema(endpoint: Endpoint, *, older_choices: bool = False) -> dict[str, Any]:
    """JSON Schema (2020-12) of an endpoint's `input`; with what only older fal pages list, if that is on."""
    return {
        "title": endpoint.title,
        "description": " ".join((endpoint.summary, *endpoint.notes)),
        "type": "object",
        "properties": {each.name: _property(each, older_choices) for each in endpoint.fields},
        "required": [each.name for each in endpoint.fields if each.required],
        "additionalProperties": False,
    }


def _property(described: Field, older_choices: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"type": JSON_TYPES[described.kind][0], "title": described.label}
    if described.help:
        found["description"] = described.help
    if described.kind in (Kind.IMAGE, Kind.VIDEO):
        found["format"] = "uuid"
    if described.kind == Kind.IMAGES:
        found["items"] = {"type": "string", "format": "uuid"}
        found |= _bounds(described, "minItems", "maxItems")
    if described.kind in (Kind.INTEGER, Kind.NUMBER):
        found |= _bounds(described, "minimum", "maximum")
    if described.kind == Kind.CHOICE:
        found["enum"] = [*described.choices, *(described.older_choices if older_choices else ())]
    if described.kind == Kind.TEXT:
        found |= {"minLength": 1} if described.required else {}
        found |= {"maxLength": described.max_length} if described.max_length else {}
    if described.default is not None:
        found["default"] = described.default
    return found


def _bounds(described: Field, least: str, most: str) -> dict[str, int]:
    given = {least: described.minimum, most: described.maximum}
    return {name: int(value) for name, value in given.items() if value is not None}


def form_data(endpoint: Endpoint, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """An API `input` as the create form reads it, and what is wrong by parameter name.

    Absent or null is fal's default. Unknown names and wrong JSON types are errors here; everything else
    is the form's to judge, so that pages and API have one validator.
    """
    errors = {name: "Unknown parameter." for name in given if endpoint.field(name) is None}
    data: dict[str, Any] = {}
    for described in endpoint.fields:
        value = given.get(described.name)
        value = described.default if value is None else value
        if value is None:
            continue
        if not _is_of_type(described, value):
            errors[described.name] = f"Must be a JSON {JSON_TYPES[described.kind][0]}."
        elif described.kind.is_media:
            data[f"{described.name}_upload"] = value if isinstance(value, list) else [value]
        else:
            data[described.name] = value
    return data, errors


def _is_of_type(described: Field, value: Any) -> bool:
    if isinstance(value, bool) and described.kind != Kind.SWITCH:
        return False  # Python's booleans are integers, JSON's are not
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return False
    return isinstance(value, JSON_TYPES[described.kind][1])


# ── For people ──────────────────────────────────────────────────────────────────────────────────

HEAD = """# Endpoints

What can be generated, under fal's own names. This page is written by `manage.py document_endpoints` from
the catalogue in `generations/catalogue/`; a test fails when it is not current.

Files are ids of uploads: pictures as JPEG, PNG or WebP of up to {image} MB and 40 megapixels, videos as
MP4 of up to {video} MB. Prices are fal's, in US dollars; credits are `ceil(usd × 100 × markup)` per clip.
"""


def document(endpoints: Iterable[Endpoint] = CATALOGUE.values()) -> str:
    """`docs/endpoints.md`."""
    head = HEAD.format(image=MAX_IMAGE_BYTES // 1_000_000, video=MAX_VIDEO_BYTES // 1_000_000)
    return "\n".join([head, *(_chapter(each) for each in endpoints)])


def _chapter(endpoint: Endpoint) -> str:
    fields = [
        ["`" + each.name + "`", JSON_TYPES[each.kind][0], _default(each), _values(each)]
        for each in endpoint.fields
    ]
    parts = [
        f"## {endpoint.title}",
        f"`{endpoint.id}` · {endpoint.mode.label}",
        " ".join((endpoint.summary, *endpoint.notes)),
        _table(["Parameter", "Type", "Default", "Values"], fields),
        _prices(endpoint),
    ]
    return "\n\n".join(parts) + "\n"


def _default(described: Field) -> str:
    if described.required:
        return "required"
    return "none" if described.default is None else f"`{_as_json(described.default)}`"


def _as_json(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(described: Field) -> str:
    if described.kind == Kind.CHOICE:
        older = "".join(f", `{each}` when switched on" for each in described.older_choices)
        return ", ".join(f"`{each}`" for each in described.choices) + older
    if described.kind in (Kind.IMAGE, Kind.VIDEO):
        return f"an upload id: {described.help}"
    if described.kind == Kind.IMAGES:
        return f"{described.minimum} to {described.maximum} upload ids"
    if described.kind in (Kind.INTEGER, Kind.NUMBER):
        return f"{described.minimum} to {described.maximum}"
    if described.kind == Kind.SWITCH:
        return "`true`, `false`"
    return f"up to {described.max_length:,} characters"


def _prices(endpoint: Endpoint) -> str:
    rule = endpoint.price
    if isinstance(rule, BasePlusSeconds):
        return (
            f"Price: ${rule.base_usd} for {rule.base_seconds} s, ${rule.further_usd} for each further second."
        )
    return _table(["Resolution", "Silent, per second", "With audio, per second"], _rates(rule))


def _rates(rule: PerSecond) -> list[list[str]]:
    sizes = dict.fromkeys(resolution for resolution, _ in rule.rates)
    return [[size, *(_dollars(rule.rates[size, audio]) for audio in (False, True))] for size in sizes]


def _dollars(amount: Decimal) -> str:
    return f"${amount}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
