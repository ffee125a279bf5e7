"""A team of client processes, seen from the process that measures."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.stage import CannotMeasure
from config.bootstrap import ROOT


@dataclass
class Tally:
    """What a team has done so far."""

    done: int = 0
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0  # seconds that one operation took


class Team:
    """`clients` processes that all repeat `operation` (`module:function`) when told to."""

    def __init__(self, operation: str, clients: int, told: Mapping[str, str], **arguments: Any) -> None:
        words = ["-m", "benchmarks.client", operation, json.dumps(arguments), str(clients)]
        self.tally = Tally()
        self._process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env={**os.environ, **told},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._said() != "ready":
            raise CannotMeasure(f"the clients of {operation} did not start")

    def work(self, seconds: float) -> float:
        """Successful operations per second of one turn; the tally grows."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        reports = json.loads(self._said() or "[]")
        if not reports:
            raise CannotMeasure("a team of clients died")
        for each in reports:
            self.tally.done += each["done"]
            self.tally.refused += each["refused"]
            self.tally.errors.update(each["errors"])
            self.tally.worst = max(self.tally.worst, each["worst"])
        return float(sum(each["done"] / each["seconds"] for each in reports))

    def dismiss(self) -> None:
        """They end when nobody speaks to them any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def team(operation: str, clients: int, told: Mapping[str, str], **arguments: Any) -> Iterator[Team]:
    """A team for as long as the block lasts."""
    hired = Team(operation, clients, told, **arguments)
    try:
        yield hired
    finally:
        hired.dismiss()
