"""Private storage: generated keys, whole files only, no public address."""

import logging
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

logger = logging.getLogger(__name__)

# Two large clips and a little air. Below it nothing new is ordered; what is under way waits.
DISK_FLOOR = 500 * 1024 * 1024  # bytes
INCOMING = ".incoming-"


class NotStored(Exception):
    """The storage did not take a file: full, away or unwilling. That says nothing about the file."""


class LocalVault(FileSystemStorage):
    """Files under `MEDIA_ROOT`. A key is visible only once its file is complete and on disk."""

    def _save(self, name: str, content: "File[Any]") -> str:
        path = Path(self.path(name))
        made = _made(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=INCOMING)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks(1024 * 1024):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
            for folder in (path.parent, *made):
                _write_down(folder)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return name

    def url(self, name: str | None) -> str:
        """There is none: files are served by a view that asks the policy."""
        raise ValueError("private files have no public address")


def vault() -> Storage:
    """Where files live."""
    return storages["default"]


def new_key(kind: str, owner: uuid.UUID, suffix: str) -> str:
    """A key that says nothing about its content and cannot be guessed."""
    random = uuid.uuid4().hex
    return f"{kind}/{owner}/{random[:2]}/{random}{suffix}"


def put(source: Path, key: str) -> str:
    """Store a local file under `key`; the key it got, where all of it is now. Raises NotStored."""
    size = source.stat().st_size
    try:
        with source.open("rb") as file:
            kept = vault().save(key, File(file))
        found = vault().size(kept)
    except Exception as error:  # every storage has errors of its own
        raise NotStored(type(error).__name__) from error
    if found != size:
        remove(kept)
        raise NotStored(f"{found} of {size} bytes")
    return kept


def remove(*keys: str) -> None:
    """Drop files that no row knows. One that will not go is found by the janitor later."""
    for key in keys:
        try:
            vault().delete(key)
        except Exception as error:  # noqa: BLE001 - every storage has errors of its own
            logger.warning("event=not_removed error=%s", type(error).__name__)


def room() -> int | None:
    """Bytes that are free; None when a storage elsewhere looks after itself."""
    storage = vault()
    if not isinstance(storage, FileSystemStorage):
        return None
    folder = Path(storage.location)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return int(shutil.disk_usage(existing).free)


def has_room() -> bool:
    """Whether what is ordered now can be kept."""
    free = room()
    return free is None or free > DISK_FLOOR


def _made(folder: Path) -> list[Path]:
    """Make a folder; those in which a new name has appeared by that."""
    parents = [path.parent for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return parents


def _write_down(folder: Path) -> None:
    """A name is on disk when its folder is: a clip is paid for once it cannot be lost to a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
