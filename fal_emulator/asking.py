"""Reading what a call of the platform API asks for, and its way of saying no."""

import base64
import binascii
from datetime import UTC, datetime
from urllib.parse import unquote

from fal_emulator.endpoints import ENDPOINTS, Endpoint
from fal_emulator.exchange import Call, Json, json_answer


class PlatformFault(Exception):
    """An error answer of the platform API."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.answer = json_answer(status, {"error": {"type": kind, "message": message}})


def listed(call: Call, name: str) -> list[str]:
    """A list parameter, whether repeated or separated by commas."""
    return [part for value in call.query.get(name, []) for part in unquote(value).split(",") if part]


def endpoint_named(name: str) -> Endpoint:
    if name not in ENDPOINTS:
        raise PlatformFault(404, "not_found", f"Endpoint '{name}' not found.")
    return ENDPOINTS[name]


def span(call: Call) -> tuple[float, float]:
    """The call's `start` (a day ago by default) and `end` (now), as Unix time."""
    try:
        start, end = (moment_of(call.asked(name)) for name in ("start", "end"))
    except ValueError:
        raise PlatformFault(400, "validation_error", "Dates are ISO 8601.") from None
    now = datetime.now(UTC).timestamp()
    return (now - 86_400 if start is None else start), (now + 1 if end is None else end)


def moment_of(text: str | None) -> float | None:
    if not text:
        return None
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def limit_of(call: Call, most: int) -> int:
    try:
        return min(most, max(1, int(call.asked("limit") or min(most, 50))))
    except ValueError:
        raise PlatformFault(400, "validation_error", "Malformed limit or cursor.") from None


def cursor_of(call: Call) -> int | None:
    """The place that a cursor of ours stands for; None for the beginning."""
    text = call.asked("cursor")
    try:
        return int(base64.b64decode(text, validate=True)) if text else None
    except (ValueError, binascii.Error):
        raise PlatformFault(400, "validation_error", "Malformed limit or cursor.") from None


def next_cursor(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode()


def paged(call: Call, name: str, entries: list[Json], most: int) -> Json:
    """One page of a list; the cursor is the encoded place at which the next one begins."""
    limit, start = limit_of(call, most), cursor_of(call) or 0
    more = start + limit < len(entries)
    return {
        name: entries[start : start + limit],
        "next_cursor": next_cursor(start + limit) if more else None,
        "has_more": more,
    }
