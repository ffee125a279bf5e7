"""What arrived of a file before an interruption, and the proof by which a host may continue it."""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

LENGTH = re.compile(r"[0-9]{1,15}")
SPAN = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")
# A weak tag (`W/"…"`) says that two contents serve the same purpose, not that their bytes are the same.
STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
# A file changed again within the same second has the same date.
SETTLED = timedelta(seconds=1)
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass
class Partial:
    """A file on its way. `total` bytes are announced (0: nobody said), `proof` is for `If-Range`.

    `joined` when what is here came by more than one answer, as far as anybody knows.
    """

    path: Path
    address: str
    proof: str = ""
    total: int = 0
    joined: bool = False

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def whole(self) -> bool:
        """Whether all that was announced is here."""
        return 0 < self.total == self.size

    def request(self) -> dict[str, str]:
        """Headers that ask for the rest, or for everything when there is no proof to ask with."""
        if not (self.proof and self.size):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self.proof}

    def begin(self, headers: Mapping[str, str]) -> None:
        """Everything comes from the start: nothing of before is kept."""
        discard(self.path)
        self.joined = False
        length = headers.get("content-length", "")
        self.total = int(length) if LENGTH.fullmatch(length) else 0
        self.proof = proof(headers)
        self.path.touch()
        notes = {"address": _known(self.address), "boot": _boot(), "proof": self.proof, "total": self.total}
        _notes(self.path).write_text(json.dumps(notes), encoding="utf-8")

    def goes_on(self, headers: Mapping[str, str]) -> bool:
        """Whether what comes is the rest of this very file."""
        span = SPAN.fullmatch(headers.get("content-range", ""))
        if not span:
            return False
        first, last, total = map(int, span.groups())
        tag = headers.get("etag", self.proof)
        changed = self.proof.startswith('"') and tag != self.proof
        if first != self.size or not first <= last < total or changed or self.total not in (0, total):
            return False
        self.total, self.joined = total, True
        return True


def found(path: Path, url: str) -> Partial:
    """What an earlier call for the same address left at `path`; nothing of it if there may be any doubt.

    After a restart of the machine there is: a length may have come to the disk without its bytes.
    """
    here = Partial(path, url)
    with suppress(OSError, ValueError, KeyError, TypeError):
        notes = json.loads(_notes(path).read_text(encoding="utf-8"))
        if (notes["address"], notes["boot"]) == (_known(url), _boot()):
            here.proof, here.total = str(notes["proof"]), int(notes["total"])
    if not here.proof or (here.total and here.size > here.total):
        discard(path)
        return Partial(path, url)
    here.joined = here.size > 0
    return here


def discard(path: Path) -> None:
    """Nothing that arrived is of any use."""
    _notes(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def proof(headers: Mapping[str, str]) -> str:
    """A strong tag, else a date that cannot be the date of two contents; empty when there is neither."""
    tag, changed, now = (headers.get(name, "") for name in ("etag", "last-modified", "date"))
    if STRONG_TAG.fullmatch(tag):
        return tag
    try:
        settled = parsedate_to_datetime(now) - parsedate_to_datetime(changed) >= SETTLED
    except (TypeError, ValueError):
        return ""
    return changed if settled else ""


def _notes(path: Path) -> Path:
    return path.with_name(f"{path.name}.notes")


def _known(address: str) -> str:
    """Addresses may be signed; to recognise one again its digest is enough."""
    return hashlib.sha256(address.encode()).hexdigest()


def _boot() -> str:
    with suppress(OSError):
        return BOOT.read_text(encoding="utf-8").strip()
    return ""
