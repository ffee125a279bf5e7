"""Lists page by page: a signed cursor says after which row to go on, whatever is added meanwhile."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

Row = TypeVar("Row")
Rows = TypeVar("Rows", bound="QuerySet[Any]")


def read(cursor: str, kind: str) -> Any:
    """What a cursor of this kind of list holds; None for anything that we did not make."""
    try:
        return signing.loads(cursor, salt=kind)
    except (signing.BadSignature, ValueError):
        return None


def newest(rows: Rows, place: Any) -> Rows:
    """Newest first by `created_at` and a UUID; after `place`, if there is one.

    Row values, because the usual `a < x OR (a = x AND b < y)` reads everything before the page.
    """
    if place:
        at, key = place
        rows = rows.filter(
            TupleLessThan(Tuple("created_at", "id"), (datetime.fromisoformat(at), uuid.UUID(key)))
        )
    return rows.order_by("-created_at", "-id")


def place_of(row: Any) -> list[str]:
    """What a cursor of such a list holds."""
    assert isinstance(row, Model)
    return [row.created_at.isoformat(), str(row.pk)]  # type: ignore[attr-defined]  # of those lists


def cut(
    rows: Sequence[Row], most: int, kind: str, place: Callable[[Row], Any] = place_of
) -> tuple[list[Row], str]:
    """One more row than wanted was read: it tells whether there is a next page, and where it begins."""
    shown = list(rows[:most])
    return shown, signing.dumps(place(shown[-1]), salt=kind) if len(rows) > most else ""
