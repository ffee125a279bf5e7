"""The Ed25519 key that webhooks are signed with, and the key set that lets others verify them."""

import base64
import hashlib
import secrets
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fal_emulator.exchange import Json

Headers = dict[str, str]


class Signer:
    """Generated once and kept in the data folder, as restarts must not invalidate key caches."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            draft = path.with_suffix(".part")
            draft.touch(mode=0o600)
            draft.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
            draft.replace(path)
        self._key = Ed25519PrivateKey.from_private_bytes(path.read_bytes())
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()

    def key_set(self) -> Json:
        kid = hashlib.sha256(self._x.encode()).hexdigest()[:16]
        key = {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": kid,
            "x": self._x,
        }
        return {"keys": [key]}

    def headers(self, request_id: str, user_id: str, body: bytes) -> Headers:
        """The four headers that prove a webhook, with the present time in them."""
        stamp = str(int(time.time()))
        message = "\n".join((request_id, user_id, stamp, hashlib.sha256(body).hexdigest()))
        return self._named(request_id, user_id, stamp, self._key.sign(message.encode()).hex())

    def bad_headers(self, request_id: str, user_id: str) -> Headers:
        """Headers of the right shape with a signature that nobody made."""
        return self._named(request_id, user_id, str(int(time.time())), secrets.token_hex(64))

    def _named(self, request_id: str, user_id: str, stamp: str, signature: str) -> Headers:
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": user_id,
            "X-Fal-Webhook-Timestamp": stamp,
            "X-Fal-Webhook-Signature": signature,
        }
