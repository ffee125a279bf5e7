"""CSV that is safe to open in a spreadsheet, and streamed: as many rows as there are, in little memory.

RFC 4180 with CR LF and quotes. It begins with a byte order mark, without which Excel takes UTF-8 for
something else. A cell of text that a spreadsheet would calculate begins with an apostrophe, and so does what
it might take for another cell inside of one; numbers stay numbers.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

BYTE_ORDER_MARK = "\ufeff"
# What starts a formula, plain or full-width; a tab or a line break, which some drop before they look.
UNSEEN, STARTS = r"[\s\0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]*", r"[=+\-@＝＋－＠]"
FORMULA = re.compile(rf"{UNSEEN}{STARTS}|[\t\r\n\0]")
# Where a comma is the decimal sign, Excel splits this file at semicolons, and its quotes are none then: what
# follows a semicolon, a tab or a line break begins a cell of its own.
INNER = re.compile(rf"([;\t\r\n]{UNSEEN})(?={STARTS})")


class _Echo:
    """What `csv.writer` writes comes back as its answer."""

    def write(self, line: str) -> str:
        return line


def cell(value: Any) -> str | int | float:
    """A value as it stands in a file: numbers as they are, moments in UTC, text that calculates nothing."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    text = INNER.sub(r"\1'", str(value))
    return f"'{text}" if FORMULA.match(text) else text


def lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The file, line by line."""
    writer: Any = csv.writer(_Echo(), quoting=csv.QUOTE_MINIMAL)
    yield BYTE_ORDER_MARK + writer.writerow([cell(each) for each in header])
    for row in rows:
        yield writer.writerow([cell(each) for each in row])


def download(name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> HttpResponse:
    """The file as an answer; of its name only letters, digits and hyphens are left."""
    safe = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "export"
    response = StreamingHttpResponse(lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{safe}.csv"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response  # type: ignore[return-value]  # as good as one for the decorators of views
