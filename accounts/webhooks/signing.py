"""How a message looks on the wire: the bytes of its body, and the headers that prove who sent it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

PREFIX = "whsec_"


def wire(body: dict[str, Any]) -> bytes:
    """The bytes that are signed and sent: the same at every try."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def headers(message_id: str, timestamp: int, content: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three of the specification; one signature for each secret that is valid now."""
    signed = f"{message_id}.{timestamp}.".encode() + content
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    digest = hmac.digest(b64decode(secret.removeprefix(PREFIX)), signed, hashlib.sha256)
    return f"v1,{b64encode(digest).decode()}"
