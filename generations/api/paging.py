"""Lists piece by piece, as on the pages; but an odd cursor is an error, and not the first page."""

from typing import Any, TypeVar

from django.db.models import QuerySet

from accounts import paging
from generations.api.problems import invalid

MOST, USUAL = 100, 20
Rows = TypeVar("Rows", bound="QuerySet[Any]")


def read_cursor(text: str, kind: str) -> Any:
    """What a cursor of this kind of list holds. Raises Problem for anything that we did not make."""
    place = paging.read(text, kind)
    if place is None:
        raise invalid(after="This is not a cursor of this list.")
    return place


def newest_after(rows: Rows, after: str, kind: str) -> Rows:
    """Newest first, from the cursor on."""
    return paging.newest(rows, read_cursor(after, kind) if after else None)
