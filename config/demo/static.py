"""Whether `collectstatic` has to run again: a fingerprint of the product's files and of the libraries'."""

import hashlib

from config.bootstrap import LOCKS, ROOT

COLLECTED = ROOT / "staticfiles"
FINGERPRINT = COLLECTED / ".collected"


def stale() -> bool:
    return not FINGERPRINT.exists() or FINGERPRINT.read_text(encoding="utf-8") != fingerprint()


def remember() -> None:
    COLLECTED.mkdir(exist_ok=True)
    FINGERPRINT.write_text(fingerprint(), encoding="utf-8")


def fingerprint() -> str:
    digest = hashlib.sha256((LOCKS / "demo.txt").read_bytes())
    for file in sorted((ROOT / "static").rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
