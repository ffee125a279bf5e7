"""Asking an address as everybody, by every method, and undoing what it did."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.core.cache import cache
from django.db import connection, transaction

from tests.separation.cast import Cast
from tests.separation.urlconf import Pattern

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SAFE = ("GET", "HEAD", "OPTIONS")
WRITES = re.compile(r"\b(INSERT INTO|DELETE FROM|TRUNCATE|(?<!FOR )(?<!FOR NO KEY )UPDATE)\b", re.IGNORECASE)
# A session is the reader's own, and so is what they are told once.
OWN = re.compile(r'"(django_session)"')
DONE = {302, 303, 301}
ANSWERS = {200: "ok", 201: "ok", 204: "ok", 206: "ok", 400: "invalid", 409: "invalid", 422: "invalid"}
DOORS = {
    "/accounts/login/": "sign-in",
    "/admin/login/": "sign-in",
    "/accounts/2fa/": "set-up",
    "/accounts/confirm-email/": "confirm",
}


def address(pattern: Pattern, values: Mapping[str, Any]) -> str:
    """The pattern with its words filled in."""
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)\??", lambda found: str(values[found[1]]), pattern.route)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), path)
    return "/" + path.replace("/?$", "").replace("^", "").replace("$", "")


def outcome(response: Any) -> str:
    """What somebody got, in one word."""
    if response.status_code not in DONE:
        return ANSWERS.get(response.status_code, str(response.status_code))
    path = urlsplit(response["Location"]).path
    return next((word for door, word in DOORS.items() if path.startswith(door)), "done")


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside was not."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    cache.clear()


@contextmanager
def watched() -> Iterator[list[str]]:
    """The statements that wrote something, other than the reader's own session."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITES.search(sql) and not OWN.search(sql):
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


def ask(cast: Cast, who: str, method: str, path: str, data: Any = None) -> tuple[Any, list[str]]:
    """The answer, and the statements that wrote something; then it is undone."""
    with undone(), watched() as wrote:
        response = cast.callers[who].ask(method, path, data)
    return response, wrote
