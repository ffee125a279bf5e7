"""Append-only JSON lines that survive a restart, torn last line included."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from fal_emulator.exchange import Json


class Journal:
    """One file of JSON objects, one per line, in the order they happened."""

    def __init__(self, path: Path, durable: bool) -> None:
        self._path = path
        self._durable = durable
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0  # lines of this start
        torn = path.exists() and last_byte(path) not in (b"", b"\n")
        self._file = path.open("a", encoding="utf-8")
        if torn:  # a kill in the middle of a write: fence the rest off, do not extend it
            self._file.write("\n")

    def past(self) -> Iterator[Json]:
        """What earlier starts wrote; to be read before anything is written."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # torn by a kill; whoever sent it never got an answer

    def write(self, line: Json) -> None:
        """Returns once the line would survive a kill (and, when durable, a power cut)."""
        text = json.dumps(line, separators=(",", ":")) + "\n"
        with self._lock:
            if self._file.closed:
                return
            self._file.write(text)
            self._file.flush()
            self._written += 1
            mine = self._written
        if self._durable:
            self._sync(mine)

    def _sync(self, mine: int) -> None:
        """Lines that were written while the disk was busy with others go to it together."""
        with self._syncing:
            if self._synced >= mine:
                return
            with self._lock:
                if self._file.closed:
                    return
                reached = self._written
            os.fsync(self._file.fileno())
            self._synced = reached

    def close(self) -> None:
        with self._syncing, self._lock:
            self._file.close()


def last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read(1)
