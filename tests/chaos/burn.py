"""Processor time of a process and everything below it, from /proc."""

import os
from collections import defaultdict
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def burned(roots: dict[str, int]) -> dict[str, float]:
    """Seconds each process id has used so far: its own, its living descendants', and those it has reaped."""
    used, below = _everybody()
    return {name: _tree(pid, used, below) for name, pid in roots.items() if pid in used}


def _tree(pid: int, used: dict[int, float], below: dict[int, list[int]]) -> float:
    return used.get(pid, 0.0) + sum(_tree(child, used, below) for child in below[pid])


def _everybody() -> tuple[dict[int, float], dict[int, list[int]]]:
    used: dict[int, float] = {}
    below: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name is in brackets and may hold anything; what follows it is numbers.
            words = entry.read_text().rpartition(")")[2].split()
        except (OSError, UnicodeDecodeError):
            continue
        pid = int(entry.parent.name)
        used[pid] = sum(map(int, words[11:15])) / TICKS
        below[int(words[1])].append(pid)
    return used, below
