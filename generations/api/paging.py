"""Lists piece by piece: a signed cursor says after which row to go on, whatever is added meanwhile."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core import signing
from django.db.models import QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from generations.api.problems import invalid
from generations.models import Generation

MOST, USUAL = 100, 20
Row = TypeVar("Row")


def read_cursor(text: str, kind: str) -> Any:
    """What a cursor of this kind of list holds. Raises Problem for anything that we did not make."""
    try:
        return signing.loads(text, salt=f"api.{kind}")
    except (signing.BadSignature, ValueError):
        raise invalid(after="This is not a cursor of this list.") from None


def newest_after(rows: "QuerySet[Generation]", after: str) -> "QuerySet[Generation]":
    """Newest first, from the cursor on. Row values, as on the pages."""
    if after:
        at, key = read_cursor(after, "generations")
        behind = Tuple("created_at", "id"), (datetime.fromisoformat(at), uuid.UUID(key))
        rows = rows.filter(TupleLessThan(*behind))
    return rows.order_by("-created_at", "-id")


def cut(
    rows: Sequence[Row], limit: int, kind: str, place: Callable[[Row], Any]
) -> tuple[list[Row], str | None]:
    """One more row than wanted was read: it tells whether there is a next page."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    return shown, signing.dumps(place(shown[-1]), salt=f"api.{kind}") if more else None
