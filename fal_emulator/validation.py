"""Checks an input against an endpoint's fields and words the complaints as fal does."""

from collections.abc import Callable, Mapping
from typing import NoReturn

from fal_emulator.endpoints import Endpoint, Field
from fal_emulator.exchange import Json
from fal_emulator.failures import problem
from fal_emulator.inputs import Loc, Media

MISSING = object()
YES = {"true", "1", "yes", "on", "t", "y"}
NO = {"false", "0", "no", "off", "f", "n"}


class Unacceptable(Exception):
    """An input that is refused; carries fal's `detail` list."""

    def __init__(self, detail: list[Json]) -> None:
        super().__init__(detail)
        self.detail = detail


def checked(endpoint: Endpoint, given: Json, media: Media) -> dict[str, Json]:
    """The input with defaults filled in; unknown fields are dropped. Raises Unacceptable."""
    if not isinstance(given, dict):
        message = "Input should be a valid dictionary"
        raise Unacceptable([problem("dict_type", ["body"], message, given=given)])
    values: dict[str, Json] = {}
    detail: list[Json] = []
    for field in endpoint.fields:
        try:
            values[field.name] = value_of(field, given.get(field.name, MISSING), given, media)
        except Unacceptable as fault:
            detail += fault.detail
    if detail:
        raise Unacceptable(detail)
    return values


def value_of(field: Field, value: Json, given: Json, media: Media) -> Json:
    loc: Loc = ["body", field.name]
    if value is MISSING:
        if field.required:
            refuse("missing", loc, "Field required", given=given)
        return field.default
    if value is None and field.nullable:
        return None
    if field.choices:
        return one_of(field, value, loc)
    return READERS[field.kind](field, value, loc, media)


def refuse(
    kind: str,
    loc: Loc,
    msg: str,
    ctx: Mapping[str, object] | None = None,
    given: Json = None,
) -> NoReturn:
    raise Unacceptable([problem(kind, loc, msg, ctx, given)])


def one_of(field: Field, value: Json, loc: Loc) -> Json:
    """A bare 8 is not "8s": literals are compared without any conversion."""
    if not isinstance(value, str) or value not in field.choices:
        *most, last = [f"'{choice}'" for choice in field.choices]
        wanted = f"{', '.join(most)} or {last}" if most else last
        refuse(
            "one_of",
            loc,
            f"Input should be {wanted}",
            {"expected": list(field.choices)},
            value,
        )
    return value


def string(field: Field, value: Json, loc: Loc, media: Media) -> Json:
    if not isinstance(value, str):
        refuse("string_type", loc, "Input should be a valid string", given=value)
    return value


def boolean(field: Field, value: Json, loc: Loc, media: Media) -> Json:
    word = str(value).lower() if isinstance(value, (str, bool, int)) else ""
    if word not in YES | NO:
        message = "Input should be a valid boolean, unable to interpret input"
        refuse("bool_parsing", loc, message, given=value)
    return word in YES


def integer(field: Field, value: Json, loc: Loc, media: Media) -> Json:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        if isinstance(value, (str, int)):
            return int(value)
    except ValueError:
        pass
    kind = "int_from_float" if isinstance(value, float) else "int_parsing"
    refuse(kind, loc, "Input should be a valid integer", given=value)


def number(field: Field, value: Json, loc: Loc, media: Media) -> Json:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        refuse("float_parsing", loc, "Input should be a valid number", given=value)
    low, high = field.minimum, field.maximum
    if low is not None and not amount >= low:
        message = f"Input should be greater than or equal to {low:g}"
        refuse("greater_than_equal", loc, message, {"ge": low}, value)
    if high is not None and not amount <= high:
        message = f"Input should be less than or equal to {high:g}"
        refuse("less_than_equal", loc, message, {"le": high}, value)
    return amount


def address(field: Field, value: Json, loc: Loc, media: Media) -> Json:
    string(field, value, loc, media)
    if fault := media.check(field, value, loc):
        raise Unacceptable([fault])
    return value


def addresses(field: Field, value: Json, loc: Loc, media: Media) -> Json:
    if not isinstance(value, list):
        refuse("list_type", loc, "Input should be a valid list", given=value)
    if not value:
        message = "List should have at least 1 item"
        refuse("sequence_too_short", loc, message, {"min_length": 1}, value)
    if field.max_items and len(value) > field.max_items:
        message = f"List should have at most {field.max_items} items"
        refuse("sequence_too_long", loc, message, {"max_length": field.max_items})
    return [address(field, item, [*loc, place], media) for place, item in enumerate(value)]


READERS: dict[str, Callable[[Field, Json, Loc, Media], Json]] = {
    "string": string,
    "boolean": boolean,
    "integer": integer,
    "number": number,
    "image": address,
    "video": address,
    "images": addresses,
}
