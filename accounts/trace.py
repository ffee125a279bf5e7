"""What is being worked on right now, so that each line of a log can say it: a request, a generation.

It follows the thread of work and nothing else: no queue carries it and no row keeps it. What ties a web
request, a job and a webhook together is the generation's id, which all of them log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})
_words: ContextVar[Mapping[str, str]] = ContextVar("trace", default=NOTHING)


@contextmanager
def about(**words: str) -> Iterator[None]:
    """What is logged inside is about these as well."""
    token = _words.set({**_words.get(), **words})
    try:
        yield
    finally:
        _words.reset(token)


def words() -> Mapping[str, str]:
    """What the current work is about."""
    return _words.get()
