"""A child of the sandbox that tells what it was given, or misbehaves as it is told."""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

before: list[str] = []
hoard: list[bytes] = []


def everything() -> dict[str, Any]:
    """What it can see of the world."""
    names = ("AS", "CPU", "FSIZE", "CORE")
    return {
        "environment": dict(os.environ),
        "environment of its parent": Path(f"/proc/{os.getppid()}/environ").read_text(encoding="utf-8"),
        "descriptors": [each for each in range(512) if is_open(each)],
        "limits": {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names},
        "nursery": os.getppid(),
        "pid": os.getpid(),
        "heard": sys.argv[2:],
        "before": before,
    }


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def remember() -> dict[str, Any]:
    """Leave something behind, if that were possible."""
    before.append(sys.argv[2])
    return everything()


def spin() -> None:
    while True:
        pass


def hold() -> None:
    """Say to a file who is here, and stay."""
    Path(sys.argv[2]).write_text(f"{os.getppid()} {os.getpid()}", encoding="utf-8")
    time.sleep(60)


def eat() -> None:
    while True:
        hoard.append(b"x" * 1024 * 1024)


def write() -> None:
    Path(sys.argv[2]).write_bytes(bytes(65 * 1024 * 1024))


def chatter() -> None:
    while True:
        sys.stdout.write("x" * 65536)


def murder() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_silent() -> None:
    """Close what it should answer on, and stay."""
    os.close(1)
    time.sleep(60)


DEEDS: dict[str, Callable[[], dict[str, Any] | None]] = {
    deed.__name__: deed
    for deed in (
        everything, remember, spin, hold, eat, write, chatter, murder, crash, be_killed, be_silent,
    )
}  # fmt: skip


def main() -> None:
    sys.stdout.write(json.dumps(DEEDS[sys.argv[1]]()))
