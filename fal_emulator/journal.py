"""Append-only JSON lines that survive a restart, torn last line included."""

import json
import os
import threading
from pathlib import Path

from fal_emulator.exchange import Json


class Journal:
    """One file of JSON objects, one per line, in the order they happened."""

    def __init__(self, path: Path, durable: bool) -> None:
        self._lock = threading.Lock()
        self._durable = durable
        self.past = list(read(path))
        torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
        self._file = path.open("a", encoding="utf-8")
        if torn:  # a kill in the middle of a write: fence the rest off, do not extend it
            self._file.write("\n")

    def write(self, line: Json) -> None:
        """Returns once the line would survive a kill (and, when durable, a power cut)."""
        with self._lock:
            if self._file.closed:
                return
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
            if self._durable:
                os.fsync(self._file.fileno())

    def close(self) -> None:
        with self._lock:
            self._file.close()


def read(path: Path) -> list[Json]:
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue  # torn by a kill; whoever sent it never got an answer
    return lines
