"""Loopback ports: which are free, and which somebody already answers on."""

import contextlib
import secrets
import socket

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 10_000, 32_000


def free_port() -> int:
    """One on which nobody listens, from below those that outgoing connections are given.

    Else one of these may have it before whoever asked gets to listen.
    """
    while taken(port := LOWEST + secrets.randbelow(HIGHEST - LOWEST)):
        continue
    return port


def taken(port: int) -> bool:
    """Asks by connecting and by binding.

    Binding alone is not enough: granian listens with SO_REUSEPORT, and a second web process would
    start happily and share the first one's visitors.
    """
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
