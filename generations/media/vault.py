"""Private storage: generated keys, whole files only, no public address."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages


class LocalVault(FileSystemStorage):
    """Files under `MEDIA_ROOT`. A key is visible only once its file is complete and on disk."""

    def _save(self, name: str, content: "File[Any]") -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".incoming-")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks(1024 * 1024):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
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
    """Store a local file under `key`; the key it got."""
    with source.open("rb") as file:
        return vault().save(key, File(file))


@contextmanager
def workspace_folder() -> Iterator[Path]:
    """A temporary folder that is gone afterwards, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="dailies-") as folder:
        yield Path(folder)
