"""Every process of the product at work, and an offline fal; any of them can be killed and started again."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.servers import wait_for
from benchmarks.stage import Stage
from config.demo import crew as demo
from config.demo.environment import emulator_environment
from config.demo.ports import LOOPBACK, free_port
from config.demo.processes import Child
from config.demo.workplace import Workplace


@dataclass
class Crew:
    """The processes by name, what they are told, and how often each was killed."""

    children: Mapping[str, Child]
    told: Mapping[str, str]
    kills: int = 0
    fal: httpx.Client = field(default_factory=httpx.Client)

    def kill(self, name: str) -> None:
        """As a machine's trouble does it; and started again, as a supervisor does."""
        child = self.children[name]
        os.kill(child.pid, signal.SIGKILL)
        child.wait_and_kill(5)
        child.start()
        self.kills += 1

    def seen_by_fal(self) -> list[dict[str, Any]]:
        """A row for each request that fal has accepted."""
        rows: list[dict[str, Any]] = self.fal.get("/_emulator/oracle").raise_for_status().json()
        return rows

    def misbehave(self, plan: Mapping[str, Any]) -> None:
        """Put a fault plan of the emulator in force."""
        self.fal.post("/_emulator/faults", json=plan).raise_for_status()

    def finish(self, request_id: str) -> None:
        """End a run at fal, well."""
        self.fal.post(f"/_emulator/requests/{request_id}/finish").raise_for_status()


@contextmanager
def at_work(stage: Stage, told: Mapping[str, str], **rules: str) -> Iterator[Crew]:
    """Web, one worker, media, reconciler and fal, until the block ends."""
    port, fal_port = free_port(), free_port()
    here = {"PUBLIC_URL": f"http://{LOOPBACK}:{port}"}
    told = {**told, **emulator_environment(fal_port), **here, **rules}
    workplace = Workplace(stage.folder / "crew")
    with ExitStack() as stack:
        stack.enter_context(workplace.occupied())
        fal = demo.emulator(workplace, fal_port, 1.0)
        fal.command = [*fal.command, "--small-clips"]
        children = {child.name: child for child in (fal, *demo.crew(workplace, port, told))}
        for child in children.values():
            child.start()
            stack.callback(child.stop, 5)
        wait_for(fal, fal_port)
        wait_for(children["web"], port)
        client = stack.enter_context(
            httpx.Client(base_url=told["FAL_QUEUE_URL"], timeout=120, trust_env=False)
        )
        yield Crew(children, told, fal=client)


@contextmanager
def blocking_worker(crew: Crew, stage: Stage) -> Iterator[str]:
    """A worker for jobs that wait; the name of its queue."""
    queue = "blocking"
    command = [
        sys.executable,
        "-m",
        "rq.cli",
        "worker",
        queue,
        "--url",
        stage.redis_url,
        "--worker-class",
        "rq.SimpleWorker",
    ]
    child = Child("blocking", command, stage.folder / "blocking.log", crew.told)
    child.start()
    try:
        yield queue
    finally:
        child.stop(2)
