"""A process that dies, breaks or hangs at a failpoint: a real one, forked from the test."""

import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.db import connection

from generations import failpoints

PATIENCE = 60.0


class Broken(Exception):
    """An error that nobody foresaw."""


class Torn(BaseException):
    """One that `except Exception` lets pass: a worker's own time-out, the end of the process."""


class Child:
    """A step in a process of its own, which comes to harm at a point."""

    def __init__(self, step: Callable[[], object], at: str, harm: signal.Signals) -> None:
        # A connection must not be in two processes: PostgreSQL takes them for one, and SQLite's own notes
        # about locks would tell the child that it holds what its parent holds.
        connection.close()
        with warnings.catch_warnings():
            # Threads of ours hold no lock that a child needs: they wait for calls, or for its end.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            _live(step, at, harm)

    def was_killed(self) -> bool:
        """Whether it died at its point; False when it came to its end."""
        status = self._wait(0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert os.waitstatus_to_exitcode(status) == 0
        return False

    def hangs(self) -> bool:
        """Whether it has stopped at its point."""
        return os.WIFSTOPPED(self._wait(os.WUNTRACED))

    def wakes(self) -> None:
        """It goes on as if nothing had happened, and comes to its end."""
        os.kill(self.pid, signal.SIGCONT)
        assert os.waitstatus_to_exitcode(self._wait(0)) == 0

    def _wait(self, options: int) -> int:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            pid, status = os.waitpid(self.pid, options | os.WNOHANG)
            if pid:
                return status
            time.sleep(0.002)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("the child neither ended nor stopped")


def _live(step: Callable[[], object], at: str, harm: signal.Signals) -> None:
    code = 1
    try:
        failpoints.hook = once(at, lambda: os.kill(os.getpid(), harm))
        step()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of a child may get back into pytest
        traceback.print_exc()
    finally:
        os._exit(code)


def once(at: str, deed: Callable[[], object]) -> Callable[[str], None]:
    """A hook that does something the first time a point is passed."""
    left = [deed]

    def hook(point: str) -> None:
        if point == at and left:
            left.pop()()

    return hook


@contextmanager
def breaking(at: str, error: type[BaseException]) -> Iterator[list[str]]:
    """In this process, the point raises once; which points it was."""
    reached: list[str] = []

    def break_it() -> None:
        reached.append(at)
        raise error(at)

    failpoints.hook = once(at, break_it)
    try:
        with suppress(error):
            yield reached
    finally:
        failpoints.hook = None
