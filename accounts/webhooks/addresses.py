"""Which addresses we post to: other people's programs on the internet, and nothing inside our network.

Whoever may set up a webhook would otherwise have a hand inside: at the database, at a cloud's metadata, at
whatever trusts its neighbours. A name says nothing about where it leads, so what counts is each address that
it resolves to, looked at when a message is sent; here is also what a form can refuse at once.
"""

import ipaddress
import socket
from contextlib import suppress

import httpx
from django.conf import settings

NAT64 = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Global by their numbers, and yet inside: a cloud's own services, and tunnels that lead to other addresses.
INSIDE = tuple(
    ipaddress.ip_network(each)
    for each in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16")
)
# Names that no public resolver knows: a form can say so before anything is sent.
LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "lan", "home.arpa")


class Unusable(ValueError):
    """No address for a webhook. The text is for the person who typed it."""


def parsed(text: str) -> httpx.URL:
    """An address that may be posted to, as far as its text tells. Raises Unusable."""
    try:
        url = httpx.URL(text)
        _ = url.host  # its name is only decoded here
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Unusable("This is no web address.") from error
    schemes = ("https", "http") if settings.WEBHOOKS_INSIDE else ("https",)
    if url.scheme not in schemes:
        raise Unusable("The address must begin with https://.")
    if url.userinfo:
        raise Unusable("The address must not contain a user name or a password.")
    odd_port = url.port is not None and not 0 < url.port < 65536
    if not url.host or odd_port or not text.isprintable() or " " in text:
        raise Unusable("This is no web address.")
    if not settings.WEBHOOKS_INSIDE and _is_plainly_inside(url.host):
        raise Unusable("The address must be one on the internet.")
    return url


def is_public(address: str) -> bool:
    """Whether a numeric address is somebody's on the internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped or ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip not in GLOBAL_UNICAST or ip.scope_id:
            return False
    odd = ip.is_multicast or ip.is_reserved or ip.is_unspecified
    return ip.is_global and not odd and not any(ip in network for network in INSIDE)


def resolved(host: str, port: int) -> list[str]:
    """Every numeric address of a host. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _is_plainly_inside(host: str) -> bool:
    """By its text alone; `127.1`, `2130706433` and `0x7f000001` are numbers as well."""
    name = host.rstrip(".").lower()
    if any(name == each or name.endswith(f".{each}") for each in LOCAL_NAMES):
        return True
    with suppress(OSError):
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))
    with suppress(ValueError):
        return not is_public(name.strip("[]"))
    return False
