"""A release under load: web processes, workers and reconciler are replaced while people press the button.

Real processes, started as in the Procfile, behind a balancer. A web process is first left out of it, then
stopped: granian closes a connection that it has accepted and not yet read, so one that is still being given
connections would lose a few. Every request is answered, and every clip that was ordered comes, once.
"""

import os
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django_rq
import httpx
import pytest
from django.db import connection
from django.test import Client

from config.bootstrap import ROOT
from config.demo.crew import MANAGE, WORKER
from config.demo.pages import Page
from config.demo.ports import LOOPBACK, free_port
from config.demo.processes import Child, wait_until
from fal_emulator.server import Emulator
from generations import doorbell
from generations.models import OPEN, Generation
from tests.balancer import Balancer, balancing
from tests.world import World

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.xdist_group("demo")]
GRANIAN = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", "4", "--workers-kill-timeout", "15"]
WEB = ("web-1", "web-2")


@dataclass
class Crew:
    """The product's processes on this test's database and Redis, and the balancer before them."""

    folder: Path
    environment: dict[str, str]
    balancer: Balancer
    ports: dict[str, int]
    members: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        log = self.folder / f"{name}.log"
        self.members[name] = Child(name, list(command), log, self.environment)
        self.members[name].start()

    def start_all(self) -> None:
        for name in WEB:
            address = ["--host", LOOPBACK, "--port", str(self.ports[name])]
            self.start(name, sys.executable, "-m", "granian", *GRANIAN, *address, "config.wsgi:application")
        self.start("reconciler", *MANAGE, "reconciler")
        for name, queue in {"worker-1": "drive", "worker-2": "drive", "media": "media"}.items():
            self.start(name, *MANAGE, "rqworker", queue, *WORKER)
        for name in WEB:
            self.take_in(name)

    def take_in(self, name: str) -> None:
        up = wait_until(lambda: answers(self.ports[name]), 60, alive=self.members[name].alive)
        assert up, self.members[name].last_lines(40)
        self.balancer.taking_part.append(self.ports[name])

    def leave_out(self, name: str) -> None:
        """New connections go elsewhere; what is connected is waited for."""
        port = self.ports[name]
        self.balancer.taking_part.remove(port)
        quiet = wait_until(lambda: not self.balancer.connected[port], 30, alive=self.members[name].alive)
        assert quiet, "somebody is still connected"

    def replace(self, name: str) -> int:
        """Stop as an orchestrator does, wait for a clean end, start again; its exit code."""
        child = self.members[name]
        if name in WEB:
            self.leave_out(name)
        child.ask_to_stop(signal.SIGTERM)
        assert child.process
        code = child.process.wait(60)
        child.start()
        if name in WEB:
            self.take_in(name)
        return code

    def stop_all(self) -> None:
        for child in self.members.values():
            child.ask_to_stop()
        for child in self.members.values():
            child.wait_and_kill(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def crew(transactional_db: None, fal: Emulator, tmp_path: Path) -> Iterator[Crew]:
    server = os.environ["DATABASE_URL"].partition("host=")[2]
    with balancing() as balancer:
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": f"postgres://postgres@/{connection.settings_dict['NAME']}?host={server}",
            "PUBLIC_URL": f"http://{LOOPBACK}:{balancer.port}",
            "FAL_QUEUE_URL": fal.url,
            "FAL_REST_URL": fal.url,
            "FAL_API_URL": f"{fal.url}/v1",
            "FAL_JWKS_URL": f"{fal.url}/.well-known/jwks.json",
            "FAL_MEDIA_HOSTS": fal.url.removeprefix("http://"),
            "TIME_SCALE": "20",
            "PYTHONPATH": str(ROOT),
        }
        made = Crew(tmp_path, environment, balancer, {name: free_port() for name in WEB})
        try:
            made.start_all()
            yield made
        finally:
            made.stop_all()
            for queue in (doorbell.DRIVE, doorbell.MEDIA):
                django_rq.get_queue(queue).empty()


class Person(threading.Thread):
    """Opens the create page, sends its form, looks at the queue; each time by a new connection."""

    def __init__(self, url: str, cookie: str, done: threading.Event) -> None:
        super().__init__()
        self.url, self.done = url, done
        self.cookies = {"sessionid": cookie}
        self.statuses: Counter[int] = Counter()
        self.lost: list[str] = []
        self.ordered = 0

    def run(self) -> None:
        while not self.done.is_set():
            page = self.ask("GET", "/create/")
            form = Page(page.text).form_with("prompt") if page is not None else None
            if form is not None:
                self.order(form.values)
            self.ask("GET", "/queue/")
            self.ask("GET", "/readyz")
            time.sleep(0.5)

    def order(self, values: dict[str, Any]) -> None:
        """Sent again with the same form key when the answer was 503, as the page says."""
        for _ in range(5):
            answer = self.ask("POST", "/create/", data={**values, "prompt": f"Rolling {uuid.uuid4()}"})
            if answer is not None and answer.status_code != 503:
                self.ordered += answer.status_code == 302
                return

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        try:
            with httpx.Client(
                base_url=self.url, timeout=30, trust_env=False, cookies=self.cookies
            ) as browser:
                answer = browser.request(method, path, headers={"Referer": self.url}, **more)
                self.cookies |= {each.name: each.value or "" for each in answer.cookies.jar}
        except httpx.HTTPError as error:
            self.lost.append(f"{method} {path}: {error!r}")
            return None
        self.statuses[answer.status_code] += 1
        return answer


def everything_is_over() -> bool:
    return not Generation.objects.filter(state__in=OPEN).exists()


@pytest.fixture
def people(crew: Crew) -> list[Person]:
    world = World.make(funds=100_000)
    done = threading.Event()
    signed_in = []
    for user in (world.alice.user, world.eve.user):
        client = Client()
        client.force_login(user)
        url = f"http://{LOOPBACK}:{crew.balancer.port}"
        signed_in.append(Person(url, client.cookies["sessionid"].value, done))
    return signed_in


@contextmanager
def at_work(people: list[Person]) -> Iterator[None]:
    for each in people:
        each.start()
    try:
        yield
    finally:
        people[0].done.set()
        for each in people:
            each.join(60)


def test_a_rolling_restart_loses_no_request_and_no_clip(
    crew: Crew, people: list[Person], fal: Emulator
) -> None:
    with at_work(people):
        time.sleep(1)
        order = ("web-1", "worker-1", "media", "reconciler", "worker-2", "web-2")
        codes = {name: crew.replace(name) for name in order}
        time.sleep(1)
    statuses = sum((each.statuses for each in people), Counter[int]())
    assert [line for each in people for line in each.lost] == []
    assert set(statuses) <= {200, 302, 503}, statuses
    assert set(codes.values()) == {0}, codes
    worker = crew.members["worker-1"]
    assert wait_until(everything_is_over, 90, alive=worker.alive), worker.last_lines(40)
    ordered = sum(each.ordered for each in people)
    assert ordered >= 5, statuses
    assert Generation.objects.filter(state="succeeded").count() == Generation.objects.count() == ordered
    prompts = (line["input"]["prompt"] for line in fal.journal())
    accepted = Counter(prompt for prompt in prompts if prompt.startswith("Rolling"))
    assert (len(accepted), set(accepted.values())) == (ordered, {1})
