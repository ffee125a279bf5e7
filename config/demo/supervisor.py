"""Starts children, starts dead ones again for a while, and stops all of them in order."""

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Self

from config.demo.processes import PATIENCE, Child

RESTARTS = 3
SETTLED = 60.0  # a child that lived this long starts with a clean record


class Interrupted(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


class ChildFailed(Exception):
    """A child cannot be kept alive, or an errand ended badly."""

    def __init__(self, child: Child, what: str) -> None:
        words = child.last_lines() or "(nothing)"
        super().__init__(f"{child.name} {what}; the end of {child.log}:\n{words}")


class Supervisor:
    """Holds running children; `check` is called often, from the main thread only.

    The main thread matters: Linux signals a child when the *thread* that started it ends.
    """

    def __init__(self, say: Callable[[str], None], pause: float = 0.5) -> None:
        self.say = say
        self.pause = pause
        self.groups: list[list[Child]] = []
        self.errand: Child | None = None
        self.restarts: Counter[str] = Counter()
        self.due: dict[str, float] = {}
        self.started: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is Interrupted:
            self.say("Stopping ...")
        self.stop()

    def add(self, *children: Child) -> None:
        """Starts children that later stop together, before everything added earlier."""
        self.groups.insert(0, list(children))
        for child in children:
            self.start(child)

    def adopt(self, child: Child) -> None:
        """Takes over a child that already runs."""
        self.groups.insert(0, [child])
        self.started[child.name] = time.monotonic()

    def start(self, child: Child) -> None:
        child.start()
        self.started[child.name] = time.monotonic()

    def check(self) -> None:
        """Starts again what has died, after a pause that doubles; gives up after three times."""
        for child in [child for group in self.groups for child in group]:
            if child.alive():
                if time.monotonic() - self.started[child.name] > SETTLED:
                    self.restarts[child.name] = 0
            elif child.name not in self.due:
                self.plan_restart(child)
            elif time.monotonic() >= self.due[child.name]:
                del self.due[child.name]
                self.start(child)

    def plan_restart(self, child: Child) -> None:
        if self.restarts[child.name] >= RESTARTS:
            raise ChildFailed(child, f"ended {RESTARTS + 1} times (exit code {child.exit_code()})")
        self.restarts[child.name] += 1
        self.due[child.name] = time.monotonic() + self.pause * 2 ** (self.restarts[child.name] - 1)
        self.say(
            f"{child.name} ended (exit code {child.exit_code()}); starting it again"
            f" ({self.restarts[child.name]} of {RESTARTS})"
        )

    def run(self, errand: Child) -> None:
        """A command that must end well before we go on; the others are watched meanwhile."""
        self.errand = errand
        errand.start()
        while errand.alive():
            self.check()
            time.sleep(0.02)
        if errand.exit_code():
            raise ChildFailed(errand, f"failed (exit code {errand.exit_code()})")
        self.errand = None

    def stop(self, patience: float = PATIENCE) -> None:
        """Group by group; a second Ctrl-C ends the waiting."""
        hurried = False

        def hurry(number: int, frame: FrameType | None) -> None:
            nonlocal hurried
            hurried = True
            for child in [child for group in self.groups for child in group]:
                child.ask_to_stop(signal.SIGKILL)

        with handling(hurry):
            if self.errand:
                self.errand.stop(2)
            for group in self.groups:
                for child in group:
                    child.ask_to_stop()
                deadline = time.monotonic() + patience
                for child in group:
                    child.wait_and_kill(0 if hurried else max(0.0, deadline - time.monotonic()))
        self.groups = []


@contextlib.contextmanager
def handling(react: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal all mean the same."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, react) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    # Once is enough: what follows is the orderly stop.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted
