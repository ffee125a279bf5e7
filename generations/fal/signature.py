"""fal's webhook signature: Ed25519 over request id, user id, timestamp and the body's digest.

Source: fal's webhook documentation. The key set signs for every fal customer, so a good signature
says "fal sent this", not "this is about us": the caller also compares the user id and the token.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 300
_SHAPES = {
    "request_id": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "user_id": re.compile(r"[A-Za-z0-9_|.:@-]{1,128}"),
    "timestamp": re.compile(r"[0-9]{1,12}"),
    "signature": re.compile(r"[0-9a-fA-F]{128}"),
}


class Malformed(Exception):
    """A header is missing or cannot be what fal sends."""


@dataclass(frozen=True)
class Signed:
    """The four signature headers."""

    request_id: str
    user_id: str
    timestamp: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Signed":
        """Read them. Raises Malformed."""
        values = {
            name: headers.get(f"X-Fal-Webhook-{name.title().replace('_', '-')}", "") for name in _SHAPES
        }
        for name, shape in _SHAPES.items():
            if not shape.fullmatch(values[name]):
                raise Malformed(name)
        return cls(**values)

    def message(self, body: bytes) -> bytes:
        """What was signed."""
        digest = hashlib.sha256(body).hexdigest()
        return f"{self.request_id}\n{self.user_id}\n{self.timestamp}\n{digest}".encode()

    def verifies(self, body: bytes, keys: Iterable[bytes]) -> bool:
        """Whether one of the raw 32-byte public keys made it."""
        signature, message = bytes.fromhex(self.signature), self.message(body)
        for key in keys:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
            except (InvalidSignature, ValueError):
                continue
            return True
        return False


def read_keys(document: Any, *, at_most: int = 50) -> list[bytes]:
    """The Ed25519 keys of a JWKS document; malformed entries are skipped."""
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for entry in (entries if isinstance(entries, list) else [])[:at_most]:
        x = entry.get("x") if isinstance(entry, dict) else None
        try:
            key = base64.urlsafe_b64decode(f"{x}{'=' * (-len(x) % 4)}") if isinstance(x, str) else b""
        except (binascii.Error, ValueError):
            continue
        if len(key) == 32:
            keys.append(key)
    return keys
