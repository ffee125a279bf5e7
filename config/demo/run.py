"""One demo from start to stop: set the stage, start the crew, wait until ready, and watch."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from config.demo import banner, once, redis, static
from config.demo.crew import crew, emulator, errand
from config.demo.environment import as_lines, choose_emulator_port, compose, offline
from config.demo.ports import LOOPBACK, taken
from config.demo.supervisor import ChildFailed, Interrupted, Supervisor, handling, interrupt
from config.demo.workplace import InUse, Workplace

START_SECONDS = 90.0
FAILED = 1
NOT_SUCCEEDED = 3
NO_NOTICES = [("bar", "", ""), ("create", "", "")]
SAMPLE_CLIPS = 6


class CannotStart(Exception):
    """Why the demo does not start, in one sentence."""


@dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line."""

    port: int
    data: Path
    reset: bool
    speed: float
    prompt: str | None
    endpoint: str | None


def run(wishes: Wishes) -> int:
    """The exit code; whatever happens, nothing that was started here is left running."""
    workplace = Workplace(wishes.data)
    try:
        refuse_taken(wishes.port)
        with handling(interrupt), workplace.occupied(wishes.reset), Supervisor(say) as supervisor:
            return perform(wishes, workplace, supervisor)
    except Interrupted:
        return 0 if wishes.prompt is None else NOT_SUCCEEDED
    except (CannotStart, InUse, redis.NoRedis, ChildFailed) as trouble:
        say(str(trouble), error=True)
        return FAILED
    except OSError as error:
        say(f"The demo cannot go on: {error}.", error=True)
        return FAILED


def perform(wishes: Wishes, workplace: Workplace, supervisor: Supervisor) -> int:
    environment = open_stage(wishes, workplace, supervisor)
    children = crew(workplace, wishes.port, environment)
    web, reconciler, *workers = children
    say("Starting web, workers and reconciler; then sample people and clips, the first time ...")
    supervisor.add(*workers)
    supervisor.add(reconciler)
    supervisor.add(web)
    # Clips only offline, where they cost nothing, and not when one clip is all that is wanted.
    clips = SAMPLE_CLIPS if offline(os.environ) and wishes.prompt is None else 0
    supervisor.run(errand(workplace, environment, "seed", "--clips", str(clips)))
    wait_until_ready(wishes.port, supervisor)
    if wishes.prompt is not None:
        address = environment["PUBLIC_URL"]
        succeeded = once.make_clip(
            address, wishes.prompt, wishes.endpoint, supervisor.check, workplace.directory
        )
        return 0 if succeeded else NOT_SUCCEEDED
    say(banner.text(workplace, environment, offline(os.environ)))
    post_notices(workplace, environment, supervisor)
    watch(supervisor)
    return 0


def post_notices(workplace: Workplace, environment: dict[str, str], supervisor: Supervisor) -> None:
    """What people should know on the pages: that this is no real fal, and how to see it fail."""
    for place, title, body in notices(environment["FAL_QUEUE_URL"]) if offline(os.environ) else NO_NOTICES:
        supervisor.run(errand(workplace, environment, "notice", place, "--title", title, "--body", body))


def notices(emulator_url: str) -> list[tuple[str, str, str]]:
    fates = httpx.get(f"{emulator_url}/_emulator/fates", timeout=5, trust_env=False).json()
    lines = "\n".join(f"[{fate['word']}]: {fate['story']}" for fate in fates)
    return [
        ("bar", "Offline demo", "Clips are synthetic, no fal key is in use and nothing is paid for."),
        ("create", "Words that choose a fate", lines),
    ]


def refuse_taken(port: int) -> None:
    if taken(port):
        raise CannotStart(f"Port {port} is taken; choose another with --port.")


def open_stage(wishes: Wishes, workplace: Workplace, supervisor: Supervisor) -> dict[str, str]:
    """Redis, static files, tables and the emulator; returns what every other process is told."""
    redis_url = os.environ.get("REDIS_URL", "")
    if not redis_url:
        server, redis_url = redis.start(workplace.redis, workplace.logs / "redis.log")
        supervisor.adopt(server)
    emulator_port = choose_emulator_port(workplace) if offline(os.environ) else None
    environment = compose(workplace, wishes.port, redis_url, emulator_port)
    workplace.write_private(workplace.env, as_lines(environment))
    workplace.write_command()
    if emulator_port is not None:
        supervisor.add(emulator(workplace, emulator_port, wishes.speed))
    if static.stale():
        say("Collecting static files ...")
        supervisor.run(errand(workplace, environment, "collectstatic", "--noinput"))
        static.remember()
    say("Preparing the database ...")
    supervisor.run(errand(workplace, environment, "migrate", "--noinput"))
    return environment


def wait_until_ready(port: int, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + START_SECONDS
    words = "no answer"
    while time.monotonic() < deadline:
        supervisor.check()
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"http://{LOOPBACK}:{port}/readyz", timeout=5, trust_env=False)
            if answer.status_code == httpx.codes.OK and answer.json()["status"] == "ready":
                return
            words = answer.text[:300]
        time.sleep(0.05)
    raise CannotStart(f"The demo was not ready after {START_SECONDS:.0f} seconds: {words}")


def watch(supervisor: Supervisor, every: float = 0.2, until: Callable[[], bool] = lambda: False) -> None:
    while not until():
        supervisor.check()
        time.sleep(every)


def say(text: str, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout, flush=True)
