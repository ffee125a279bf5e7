"""Which addresses we follow: fal's answers name them, and an odd answer must not send us anywhere."""

import functools
import ssl
from collections.abc import Collection
from urllib.parse import urlsplit

import httpx

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


@functools.cache
def trust() -> ssl.SSLContext:
    """By which authorities hosts prove their names; one per process, for to make it takes longer than a call.

    The environment has no say in it: it may not put anybody between fal and our key.
    """
    return httpx.create_ssl_context(trust_env=False)
