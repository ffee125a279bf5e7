"""Child processes that cannot outlive us: own group, own log, and the kernel's signal when we die."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.bootstrap import ROOT

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PATIENCE = 15.0


@dataclass
class Child:
    """One process, started again as often as needed; `log` collects what it prints."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    folder: Path = ROOT
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
                # A Ctrl-C reaches the whole foreground group; only the supervisor may react to it.
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - no threads here, and no other way
            )

    @property
    def pid(self) -> int:
        """Of the last start, also after it has ended; 0 before the first."""
        return self.process.pid if self.process else 0

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    def ask_to_stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.alive():
            self.process.send_signal(how)

    def stop(self, patience: float = PATIENCE, how: signal.Signals = signal.SIGTERM) -> None:
        """Asks once, waits, kills."""
        self.ask_to_stop(how)
        self.wait_and_kill(patience)

    def wait_and_kill(self, patience: float) -> None:
        """For a child that has been asked: waits, and then leaves nothing of its group alive."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def last_lines(self, count: int = 15) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def die_with(parent: int) -> Callable[[], None] | None:
    """What the child runs before its program: ask Linux to end it when the supervisor is killed."""
    if sys.platform != "linux":
        return None
    # Loaded here, in the parent: the child may do next to nothing between fork and exec.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def wait_until(ready: Callable[[], bool], seconds: float, *, alive: Callable[[], bool]) -> bool:
    """Whether `ready` became true in time; gives up at once when the process is gone."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        if not alive():
            return False
        time.sleep(0.05)
    return False
