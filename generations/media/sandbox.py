"""Run a parser of untrusted bytes in a child with little memory, little time and nothing to lose.

To load a parser takes ten times as long as to use it. So a nursery (`nursery.py`) loads it once and forks
a child for each file. It lives as long as the process that needs it and is shared with nobody else: a
thread takes an idle one or starts one. A child has no less to overcome than one started by itself:

- The nursery is executed, not forked, with an empty environment and none of our descriptors. It holds no
  key, no database address and nothing of any file, so there is nothing in what a child inherits.
- Limits of memory, processor time, file size and time are set in the child before it reads a byte, and
  are the kernel's. All it keeps open is the pipe for its answer, of which we read 64 KiB at most.
- Each file has a child of its own, so none can leave anything behind for the next. What the children of a
  nursery have in common is where things are in memory: after a crash, which may be a try at guessing it,
  and after `MOST_SERVED` files, a new nursery has another layout.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
# Larger than any file a child of ours writes.
MOST_WRITTEN = 64 * MIB
MOST_SERVED = 200
# A burst starts more; these stay.
MOST_IDLE = 2
# Escaped in JSON, what a child may say is six times as long at most.
MOST_REPLIED = 512 * 1024
START_SECONDS = 60.0
# After the kernel should have ended a child by the clock.
GRACE_SECONDS = 5.0

DAMAGED = "This file cannot be read: it is damaged or too complex."
TOO_LONG = "This file takes too long to read."


class Rejected(Exception):
    """The child could not make sense of the file; the text is for the person who sent it."""


class Disturbed(Exception):
    """The child was killed or had no processor: that may be the machine's doing and not the file's."""


class NoSandbox(OSError):
    """There is no child: nothing is known about the file."""


class Lost(Exception):
    """The nursery is gone."""


def run(module: str, *arguments: str, memory_mib: int, cpu_seconds: int) -> dict[str, Any]:
    """What `module.main()` prints, as JSON.

    Raises Rejected, or Disturbed and OSError when nothing is known of the file.
    """
    limits = {
        "AS": [memory_mib * MIB] * 2,
        "CPU": [cpu_seconds, cpu_seconds + 1],  # at the first it is told why it ends
        "FSIZE": [MOST_WRITTEN] * 2,
        "CORE": [0, 0],
    }
    request = {"arguments": arguments, "limits": limits, "seconds": cpu_seconds * 3}
    reply = _answered(module, request)
    if "errno" in reply:
        raise NoSandbox(reply["errno"], os.strerror(reply["errno"]))
    return _read(reply["status"], reply["said"])


def _read(status: int, said: str) -> dict[str, Any]:
    """What an answer means. Raises Rejected, Disturbed, OSError."""
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGKILL):
            raise Disturbed(TOO_LONG)
        raise Rejected(TOO_LONG if os.WTERMSIG(status) == signal.SIGXCPU else DAMAGED)
    try:
        answer = json.loads(said)
    except ValueError as error:
        raise Rejected(DAMAGED) from error
    if not isinstance(answer, dict):
        raise Rejected(DAMAGED)
    if isinstance(answer.get("errno"), int):
        raise OSError(answer["errno"], os.strerror(answer["errno"]))
    if status:
        raise Rejected(str(answer.get("error") or "This file cannot be read."))
    return answer


def _answered(module: str, request: dict[str, Any]) -> dict[str, Any]:
    for _ in range(2):  # an idle nursery may have been killed since; a file that ends two does so itself
        nursery = _taken(module)
        try:
            reply = nursery.ask(request, request["seconds"] + GRACE_SECONDS)
        except Lost:
            nursery.end()
        except BaseException:  # a worker's time-out, say: what it will still answer is about this file
            nursery.end()
            raise
        else:
            _give_back(nursery, crashed=os.WIFSIGNALED(reply.get("status", 0)))
            return reply
    raise Disturbed(DAMAGED)


class Nursery:
    """A process that has loaded `module` and looks into one file at a time. Raises NoSandbox."""

    def __init__(self, module: str) -> None:
        self.module, self.served = module, 0
        self.process = subprocess.Popen(
            [sys.executable, "-I", _PROGRAM, _ROOT, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin"},
            bufsize=0,
            start_new_session=True,  # so that one signal ends it together with its child
        )
        _alive.add(self)
        try:
            self._line(START_SECONDS)
        except (Lost, Disturbed) as error:
            self.end()
            raise NoSandbox(f"{module} cannot be loaded") from error

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer. Raises Lost when it is gone, Disturbed when it does not answer."""
        assert self.process.stdin
        self.served += 1
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise Lost from error
        reply: dict[str, Any] = json.loads(self._line(seconds))
        return reply

    def _line(self, seconds: float) -> bytes:
        assert self.process.stdout
        ends, line, ready = time.monotonic() + seconds, b"", select.poll()
        ready.register(self.process.stdout, select.POLLIN)
        while not line.endswith(b"\n"):
            if not ready.poll(max(0, ends - time.monotonic()) * 1000):
                raise Disturbed(TOO_LONG)
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk or len(line) > MOST_REPLIED:
                raise Lost
            line += chunk
        return line

    def end(self) -> None:
        """Kill it and its child. Before it is waited for, for until then nobody else gets its number."""
        _alive.discard(self)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close our ends of its pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


_alive: set[Nursery] = set()
_idle: list[Nursery] = []
_lock = threading.Lock()


def _taken(module: str) -> Nursery:
    with _lock:
        for nursery in _idle:
            if nursery.module == module:
                _idle.remove(nursery)
                return nursery
    return Nursery(module)


def _give_back(nursery: Nursery, *, crashed: bool) -> None:
    with _lock:
        kin = sum(each.module == nursery.module for each in _idle)
        keep = not crashed and nursery.served < MOST_SERVED and kin < MOST_IDLE
        if keep:
            _idle.append(nursery)
    if not keep:
        nursery.end()


def _end_all() -> None:
    _idle.clear()
    for nursery in list(_alive):
        nursery.end()


def _forget_all() -> None:
    """In a forked copy of us: two processes must not speak to one nursery, and it ends with the first."""
    global _lock  # noqa: PLW0603 - a thread that is not in the copy may hold it
    _lock = threading.Lock()
    _idle.clear()
    for nursery in list(_alive):
        nursery.let_go()
        nursery.process.returncode = 0  # it is not our child: there is nothing to wait for
    _alive.clear()


_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = str(Path(__file__).with_name("nursery.py"))
atexit.register(_end_all)
os.register_at_fork(after_in_child=_forget_all)
