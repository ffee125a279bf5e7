"""The Ed25519 keys that webhooks are signed with, and the key set that lets others verify them."""

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
    """Keys are kept in the data folder, as restarts must not invalidate key caches. The newest one signs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        old = sorted(path.parent.glob(f"{path.name}-*[0-9]"), key=number_of)
        self._paths = [path, *old] if path.exists() else old
        self._keys = [Ed25519PrivateKey.from_private_bytes(each.read_bytes()) for each in self._paths]
        if not self._keys:
            self._add(path)

    def rotate(self) -> None:
        """Sign with a new key from now on; the old ones stay in the key set until they are retired."""
        self._add(self._path.with_name(f"{self._path.name}-{number_of(self._paths[-1]) + 1}"))

    def retire(self) -> None:
        """Publish the signing key alone."""
        for path in self._paths[:-1]:
            path.unlink(missing_ok=True)
        self._paths, self._keys = self._paths[-1:], self._keys[-1:]

    def key_set(self) -> Json:
        return {"keys": [entry(public(key)) for key in self._keys]}

    def headers(self, request_id: str, user_id: str, body: bytes, age: float = 0.0) -> Headers:
        """The four headers that prove a webhook, as of `age` seconds ago."""
        stamp = str(int(time.time() - age))
        message = "\n".join((request_id, user_id, stamp, hashlib.sha256(body).hexdigest()))
        return named(request_id, user_id, stamp, self._keys[-1].sign(message.encode()).hex())

    def bad_headers(self, request_id: str, user_id: str) -> Headers:
        """Headers of the right shape with a signature that nobody made."""
        return named(request_id, user_id, str(int(time.time())), secrets.token_hex(64))

    def _add(self, path: Path) -> None:
        key = Ed25519PrivateKey.generate()
        draft = path.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_bytes(key.private_bytes_raw())
        draft.replace(path)
        self._paths.append(path)
        self._keys.append(key)


def number_of(path: Path) -> int:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 1


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def entry(key: bytes) -> Json:
    """A public key as an entry of a key set."""
    x = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    kid = hashlib.sha256(x.encode()).hexdigest()[:16]
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}


def named(request_id: str, user_id: str, stamp: str, signature: str) -> Headers:
    return {
        "X-Fal-Webhook-Request-Id": request_id,
        "X-Fal-Webhook-User-Id": user_id,
        "X-Fal-Webhook-Timestamp": stamp,
        "X-Fal-Webhook-Signature": signature,
    }
