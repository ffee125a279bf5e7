"""Web servers to be measured: one process of granian each, on a core of its own where possible."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.stage import CannotMeasure
from config.demo.ports import LOOPBACK, free_port
from config.demo.processes import Child, wait_until

START_SECONDS = 40
SERVER_CORE, GENERATOR_CORE = 0, 1
GRANIAN = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", "4", "--log-level", "warning"]


def pinned() -> bool:
    """Whether server and generator can each have a core."""
    return shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1


@contextmanager
def serving(name: str, application: str, told: Mapping[str, str], folder: Path) -> Iterator[int]:
    """A granian of one process and four threads; its port."""
    port = free_port()
    program = ["taskset", "-c", str(SERVER_CORE)] if pinned() else []
    program += [
        sys.executable,
        "-m",
        "granian",
        *GRANIAN,
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        application,
    ]
    child = Child(name, program, folder / f"{name}.log", told)
    child.start()
    try:
        wait_for(child, port)
        yield port
    finally:
        child.stop(5)


def wait_for(child: Child, port: int) -> None:
    """Until it answers HTTP, whatever it says. CannotMeasure when it does not."""

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return bool(
                httpx.get(f"http://{LOOPBACK}:{port}/healthz", timeout=5, trust_env=False).status_code
            )
        return False

    if not wait_until(answers, START_SECONDS, alive=child.alive):
        raise CannotMeasure(f"{child.name} did not start:\n{child.last_lines()}")


@contextmanager
def on_the_generators_core() -> Iterator[None]:
    """This thread leaves the server's core alone."""
    if not pinned():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {GENERATOR_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
