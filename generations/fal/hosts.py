"""Which addresses we follow: fal's answers name them, and an odd answer must not send us anywhere."""

import ssl
from collections.abc import Collection
from functools import cache
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def origin(url: str) -> tuple[str, str]:
    """Scheme and `host[:port]`; two empty strings for what is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def permitted(url: str, hosts: Collection[str]) -> bool:
    """Whether a file may come from or go to `url`: a listed host, by https.

    Plain http is for servers on this machine; fal's own files are always https.
    """
    scheme, host = origin(url)
    if host not in hosts or not url.isprintable():
        return False
    return scheme == "https" or (scheme == "http" and urlsplit(url).hostname in LOOPBACK)


@cache
def trust() -> ssl.SSLContext:
    """The certificates we believe: one context per process, for making one takes longer than a call."""
    return ssl.create_default_context()
