"""The file store behind the CDN: uploads and produced clips, each under an unguessable key."""

import json
import re
import secrets
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

KEY = re.compile(r"^[A-Za-z0-9_-]{16,64}$")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
ABOUT = ".about.json"


@dataclass(frozen=True)
class StoredFile:
    """What is known about a file besides its bytes. `expires_at` is Unix time."""

    key: str
    name: str
    content_type: str
    created_at: float
    expires_at: float | None = None

    @property
    def address(self) -> str:
        """The path below the server's own base address."""
        return f"/files/{self.key}/{self.name}"


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def reserve(
        self,
        name: str,
        content_type: str,
        lifetime: float | None = None,
    ) -> StoredFile:
        """A new address. It answers 404 until something is put at its path."""
        now = time.time()
        file = StoredFile(
            secrets.token_urlsafe(16),
            clean(name),
            content_type or "application/octet-stream",
            now,
            now + lifetime if lifetime else None,
        )
        (self.folder / file.key).mkdir()
        (self.folder / file.key / ABOUT).write_text(json.dumps(asdict(file)))
        return file

    def store(self, file: StoredFile, content: bytes) -> None:
        draft = self.path(file).with_suffix(".part")
        draft.write_bytes(content)
        draft.replace(self.path(file))

    def path(self, file: StoredFile) -> Path:
        return self.folder / file.key / file.name

    def reserved(self, key: str) -> StoredFile | None:
        """The file under this key, whether or not its bytes have come yet."""
        if not KEY.match(key):
            return None
        try:
            about = json.loads((self.folder / key / ABOUT).read_text())
        except FileNotFoundError:
            return None
        return StoredFile(**{name: about.get(name) for name in StoredFile.__dataclass_fields__})

    def find(self, address: str) -> StoredFile | None:
        """The downloadable file at `/files/<key>/<name>`; None when missing or expired."""
        parts = address.split("/")
        if len(parts) != 4 or parts[1] != "files":
            return None
        file = self.reserved(parts[2])
        if file is None or file.name != parts[3] or not self.path(file).is_file():
            return None
        return None if file.expires_at and file.expires_at < time.time() else file

    def remove(self, file: StoredFile) -> None:
        self.path(file).unlink(missing_ok=True)

    def first_visit(self, mark: str) -> bool:
        """True exactly once for each mark: for fates that strike the first download only."""
        with self._lock:
            fresh = mark not in self._seen
            self._seen.add(mark)
            return fresh

    def visited(self, mark: str) -> bool:
        return mark in self._seen


def clean(name: str) -> str:
    """A file name without anything that could leave its folder."""
    return UNSAFE.sub("_", name.rsplit("/", 1)[-1]).lstrip(".")[-120:] or "file.bin"


def lifetime_in(header: str | None) -> float | None:
    """`expiration_duration_seconds` of a lifecycle header; None means for ever."""
    try:
        wish = json.loads(header or "{}")
        seconds = wish.get("expiration_duration_seconds")
        return float(seconds) if seconds else None
    except (ValueError, TypeError, AttributeError):
        return None
