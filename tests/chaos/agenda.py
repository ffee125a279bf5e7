"""Things to do at certain moments, taken by a few threads."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

Task = Callable[[], None]


class Agenda:
    """Whatever is due is handed out in order; nothing after `close`."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Task]] = []
        self._tie = itertools.count()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, seconds: float, task: Task) -> None:
        """Do it in so many seconds."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._tie), task))
            self._changed.notify()

    def take(self) -> Task | None:
        """Waits for the next task; None once the agenda is closed."""
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
