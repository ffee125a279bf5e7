"""Every pattern of the URLconf, walked: nothing can be reachable and not be here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

CATCHALL = "the admin's catch-all"


@dataclass(frozen=True)
class Pattern:
    """An address by its name, with the words that its path takes, and the module of its view."""

    name: str
    route: str
    words: tuple[str, ...]
    view: Any

    @property
    def room(self) -> str:
        """What it belongs to: `accounts`, `generations`, `admin accounts` …"""
        space, _, name = self.name.partition(":")
        if space == "admin":
            known = [each for each in ("accounts", "generations", "django_rq") if each in self.route]
            return f"admin {known[0] if known else 'site'}"
        return space if name else "site"


def patterns() -> list[Pattern]:
    """All of them, by name; two with one name are two patterns."""
    found = list(_walk(get_resolver().url_patterns, "", ()))
    return sorted(found, key=lambda each: (each.name, each.route))


def _walk(
    entries: Sequence[URLPattern | URLResolver], before: str, spaces: tuple[str, ...]
) -> Iterator[Pattern]:
    for each in entries:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route, (*spaces, *filter(None, [each.namespace])))
        else:
            name = ":".join([*spaces, each.name or f"unnamed {route}"])
            yield Pattern(name, route, tuple(_words(route)), each.callback)


def _words(route: str) -> list[str]:
    """`<uuid:pk>` and `(?P<pk>…)` are both the word pk."""
    return re.findall(r"\(\?P<(\w+)>", route) + re.findall(r"(?<!P)<(?:\w+:)?(\w+)>", route)
