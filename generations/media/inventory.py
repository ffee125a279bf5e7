"""Rows against files: what a row promises is in the storage, and what is there is some row's.

Reads every row once and every folder once. Works on any storage; on an object store each size is a
request, and a digest is a whole download.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from accounts.books import Violation
from generations.media.vault import vault
from generations.models import Clip, Upload

# The folders of `vault.new_key`.
KINDS = ("clips", "posters", "uploads")
CHUNK = 1024 * 1024


def broken_promises(*, digests: bool = False) -> Iterator[Violation]:
    """Clips, posters and uploads whose object is not there or not of its size; or not of its digest."""
    for key, file, poster, size, sha256 in Clip.objects.values_list(
        "pk", "file", "poster", "size", "sha256"
    ).iterator():
        for wrong in _wrong(file, size, sha256 if digests else ""):
            yield Violation(wrong, f"clip {key}: {file}")
        if _size(poster) is None:
            yield Violation("a file is missing", f"poster of clip {key}: {poster}")
    for upload, file, size in Upload.objects.values_list("pk", "file", "size").iterator():
        for wrong in _wrong(file, size, ""):  # its digest is of what was sent, not of what was kept
            yield Violation(wrong, f"upload {upload}: {file}")


def unclaimed(before: datetime) -> Iterator[Violation]:
    """Objects from before then that no row names: a file is stored a moment before its row is."""
    claimed = set(Clip.objects.values_list("file", flat=True).iterator())
    claimed.update(Clip.objects.values_list("poster", flat=True).iterator())
    claimed.update(Upload.objects.values_list("file", flat=True).iterator())
    for kind in KINDS:
        for key in _keys(kind):
            if key not in claimed and (at := _modified(key)) and at < before:
                yield Violation("a file without a row", key)


def _wrong(key: str, size: int, sha256: str) -> Iterator[str]:
    found = _size(key)
    if found is None:
        yield "a file is missing"
    elif found != size:
        yield "a file has another size"
    elif sha256 and _sha256(key) != sha256:
        yield "a file has other contents"


def _size(key: str) -> int | None:
    """None when there is no such object; another trouble with the storage is raised."""
    if not key:
        return None
    try:
        return vault().size(key)
    except FileNotFoundError:
        return None
    except Exception:
        # Object stores say it in words of their own.
        if vault().exists(key):
            raise
        return None


def _sha256(key: str) -> str:
    digest = hashlib.sha256()
    with vault().open(key) as file:
        for chunk in file.chunks(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _keys(folder: str) -> Iterator[str]:
    try:
        folders, files = vault().listdir(folder)
    except FileNotFoundError:
        return  # nothing of this kind was ever stored
    yield from (f"{folder}/{name}" for name in files)
    for each in folders:
        yield from _keys(f"{folder}/{each}")


def _modified(key: str) -> datetime | None:
    try:
        return vault().get_modified_time(key)
    except FileNotFoundError:
        return None  # removed between the listing and now
