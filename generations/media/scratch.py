"""Scratch: folders of this machine for files on their way, each held by one worker at a time.

That of a generation outlives a worker that was interrupted: the next one goes on with the download.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.conf import settings

# Between its making and its being held, a folder looks like one that its worker has left.
YOUNG_SECONDS = 60.0


class Taken(Exception):
    """Another worker is in it, or has just removed it."""


@contextmanager
def folder_of(generation_id: uuid.UUID) -> Iterator[Path]:
    """The folder of a generation, gone once the work in it ends well; an error leaves it to the next try.

    While another worker is in it: a fresh one.
    """
    with ExitStack() as held:
        try:
            folder = root() / str(generation_id)
            folder.mkdir(mode=0o700, exist_ok=True)
            held.enter_context(_held(folder))
        except (Taken, PermissionError):
            folder = held.enter_context(fresh_folder())
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; when its process is killed, it is left to `leftovers`."""
    parent = None
    with suppress(PermissionError):
        parent = root()
    folder = Path(tempfile.mkdtemp(prefix="fresh-", dir=parent))
    try:
        with _held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def root() -> Path:
    """Where the folders are. PermissionError when somebody else may write there: it might become a clip."""
    ours = hashlib.sha256(f"{settings.MEDIA_ROOT} {settings.STORAGE_URL}".encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"dailies-scratch-{os.getuid()}-{ours}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not ours alone")
    return folder


def leftovers() -> list[Path]:
    """Folders that were not made just now. Whether somebody is in one, `drop` finds out."""
    oldest, left = time.time() - YOUNG_SECONDS, []
    with suppress(PermissionError):
        for folder in root().iterdir():
            with suppress(FileNotFoundError):
                if folder.stat().st_mtime < oldest:
                    left.append(folder)
    return left


def drop(folder: Path) -> bool:
    """Remove a folder unless somebody is in it."""
    try:
        with _held(folder):
            shutil.rmtree(folder)
    except (Taken, OSError):
        return False
    return True


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A lock that dies with its process. Raises Taken."""
    with ExitStack() as opened:
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            still = os.path.samestat(folder.stat(), os.fstat(descriptor))
        except (BlockingIOError, FileNotFoundError) as error:
            raise Taken from error
        if not still:  # it was removed, and made again, between our two looks
            raise Taken
        yield
