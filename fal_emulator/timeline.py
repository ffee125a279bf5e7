"""Emulated time: actions due later, and the few threads that do slow work.

Everything that waits goes through one timeline, so that `speed` shrinks all of it alike and
stopping is a single flag. The threads are daemons: a peer that never answers a webhook cannot
keep the process alive.
"""

import heapq
import itertools
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable

Action = Callable[[], None]


class Timeline:
    """Runs actions after a delay given in emulated seconds."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._due: list[tuple[float, int, Action]] = []
        self._tie = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)
        self._thread.start()

    def after(self, seconds: float, action: Action) -> None:
        due = time.monotonic() + self.real(seconds)
        with self._changed:
            heapq.heappush(self._due, (due, next(self._tie), action))
            self._changed.notify()

    def real(self, seconds: float) -> float:
        """Emulated seconds as real ones."""
        return seconds / self.speed

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(2)

    def _run(self) -> None:
        while True:
            with self._changed:
                action = self._next()
                if self._stopped:
                    return
            if action:
                quietly(action)

    def _next(self) -> Action | None:
        """Wait for the earliest action, holding the lock; None when something changed."""
        if not self._due:
            self._changed.wait()
            return None
        wait = self._due[0][0] - time.monotonic()
        if wait > 0:
            self._changed.wait(wait)
            return None
        return heapq.heappop(self._due)[2]


class Crew:
    """A fixed number of threads taking actions in the order they were handed over."""

    def __init__(self, name: str, size: int) -> None:
        self._waiting: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def hand(self, action: Action) -> None:
        self._waiting.put(action)

    def stop(self, patience: float) -> None:
        """Let go of what waits; give what runs `patience` seconds in all to end."""
        self._stopped.set()
        for _ in self._threads:
            self._waiting.put(None)
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while (action := self._waiting.get()) is not None and not self._stopped.is_set():
            quietly(action)


def quietly(action: Action) -> None:
    """An emulated fal must not lose its clock because one action went wrong."""
    try:
        action()
    except Exception:  # noqa: BLE001 - one request's fault; the others go on
        traceback.print_exc(file=sys.stderr)
