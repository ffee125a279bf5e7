"""Removes what killed workers left behind: objects without a row, half-written files, scratch folders.

A worker stores first and commits afterwards, so an object without a row may be one that is about to get
it. Three things keep that apart from one that never will: its age; that nobody is storing anything for
its workspace, not even a worker that hangs (its row stays leased until another takes it over, which fences
it off); and that both were asked before the rows were looked for.
"""

import logging
import random
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice

from django.utils import timezone

from accounts.models import Workspace
from accounts.tokens import forget_old_answers
from generations.media import scratch
from generations.media.vault import INCOMING, remove, vault
from generations.models import Clip, Generation, State, Upload
from generations.timing import HOUR, STORING_LEASE, business

logger = logging.getLogger(__name__)

KINDS = ("clips", "posters", "uploads")
NAME = re.compile(rf"[0-9a-f]{{32}}\.(?:mp4|webp|jpg)|{re.escape(INCOMING)}\w+")
# Business time; but no drill makes a worker faster than its lease.
KEPT = 6 * HOUR
HALF_WRITTEN_KEPT = HOUR  # since the last byte
SOONEST = timedelta(seconds=2 * STORING_LEASE)
# Keys looked at in one pass.
MOST = 500
# More orphans than this, and than rows, are somebody else's files: another database uses this storage.
SUSPICIOUS = 50


class Janitor:
    """One walk through the storage after the other, a piece at each pass; a restart begins a new walk."""

    def __init__(self) -> None:
        self._walk: Iterator[str] = iter(())

    def tidy(self, *, older_than: timedelta | None = None) -> int:
        """One pass; how many things were removed. What does not work is left for the next."""
        try:
            return tidy_scratch() + _tidy(self._some(), older_than) + forget_old_answers()
        except Exception as error:  # noqa: BLE001 - every storage has errors of its own
            logger.warning("event=untidy error=%s", type(error).__name__)
            return 0

    def _some(self) -> list[str]:
        keys = list(islice(self._walk, MOST))
        if not keys:
            self._walk = _keys()
            keys = list(islice(self._walk, MOST))
        return keys


def tidy_scratch() -> int:
    """Remove folders of this machine that nobody is in and no try will come back to; how many."""
    left = scratch.leftovers()
    ids = {folder.name: _uuid(folder.name) for folder in left}
    wanted = Generation.objects.filter(pk__in=[pk for pk in ids.values() if pk], state=State.STORING)
    needed = set(wanted.values_list("pk", flat=True)) if any(ids.values()) else set()
    return sum(scratch.drop(folder) for folder in left if ids[folder.name] not in needed)


def _tidy(keys: list[str], older_than: timedelta | None) -> int:
    # In this order: who commits between the two questions was busy at the first or has a row at the second.
    busy = _busy(keys)
    ours = _ours(keys)
    orphans = [key for key in _without_row(keys) if _owner(key) in ours]
    if len(orphans) > max(SUSPICIOUS, len(keys) // 2):
        logger.error("event=foreign_files orphans=%s of=%s", len(orphans), len(keys))
        return 0
    left = [key for key in orphans if _owner(key) not in busy and _is_older(key, older_than)]
    remove(*left)
    if left:
        logger.info("event=tidied objects=%s", len(left))
    return len(left)


def _busy(keys: Iterable[str]) -> set[uuid.UUID]:
    """Workspaces for which somebody stores a clip, or did when last heard of."""
    storing = Generation.objects.filter(state=State.STORING, lease_until__isnull=False)
    return set(storing.filter(workspace__in=set(map(_owner, keys))).values_list("workspace", flat=True))


def _ours(keys: Iterable[str]) -> set[uuid.UUID]:
    """Workspaces this database knows: the files of any other belong to another database."""
    return set(Workspace.objects.filter(pk__in=set(map(_owner, keys))).values_list("pk", flat=True))


def _without_row(keys: list[str]) -> list[str]:
    columns = (
        Clip.objects.filter(file__in=keys).values_list("file", flat=True),
        Clip.objects.filter(poster__in=keys).values_list("poster", flat=True),
        Upload.objects.filter(file__in=keys).values_list("file", flat=True),
    )
    known = {key for column in columns for key in column}
    return [key for key in keys if key not in known]


def _is_older(key: str, than: timedelta | None) -> bool:
    if than is None:
        kept = HALF_WRITTEN_KEPT if key.rpartition("/")[2].startswith(INCOMING) else KEPT
        than = max(business(kept), SOONEST)
    with suppress(FileNotFoundError):  # gone meanwhile
        return vault().get_modified_time(key) <= timezone.now() - than
    return False


def _keys() -> Iterator[str]:
    """Every key of ours, and every file on its way to one; in another order each time."""
    for kind in KINDS:
        for owner in filter(_uuid, _folders(kind)):
            for shelf in _folders(f"{kind}/{owner}"):
                place = f"{kind}/{owner}/{shelf}"
                yield from (f"{place}/{name}" for name in _listed(place)[1] if NAME.fullmatch(name))


def _folders(place: str) -> list[str]:
    folders = _listed(place)[0]
    random.shuffle(folders)
    return folders


def _listed(place: str) -> tuple[list[str], list[str]]:
    try:
        return vault().listdir(place)
    except FileNotFoundError:
        return [], []


def _owner(key: str) -> uuid.UUID:
    return uuid.UUID(key.split("/")[1])


def _uuid(name: str) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(name)
    return None
