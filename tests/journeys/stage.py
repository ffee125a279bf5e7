"""The demo as its own processes, and a browser in front of it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from config.demo.environment import known_names
from config.demo.ports import free_port
from tests.servers import chromium

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    url: str
    data: Path
    process: "subprocess.Popen[str]"

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Any other command, against the running demo, as the banner says."""
        command = [str(self.data / "manage"), *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=_bare(), capture_output=True, text=True, timeout=60, check=False
        )

    def newest_mail(self) -> str:
        """The last mail the demo sent."""
        files = sorted((self.data / "mail").iterdir(), key=lambda each: each.stat().st_mtime)
        return files[-1].read_text()

    def processes(self) -> list[str]:
        """Every process whose command names this demo's folder."""
        found = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.data) in words:
                found.append(words)
        return found


def _bare() -> dict[str, str]:
    """The environment without any of the product's variables: those of the tests are not the demo's."""
    ours = {*known_names(), "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in ours}


@contextmanager
def running(data: Path, **environment: str) -> Iterator[Demo]:
    """Start the demo, wait until it is ready, and stop it by the signal a terminal's end sends."""
    port = free_port()
    command = [sys.executable, "manage.py", "demo", "--port", str(port), "--data", str(data), "--speed", "20"]
    with (data.parent / f"{data.name}.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=_bare() | environment, stdout=log, stderr=log, text=True
        )
    demo = Demo(f"http://127.0.0.1:{port}", data, process)
    try:
        _wait_for_banner(demo, Path(log.name))
        yield demo
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    assert process.returncode == 0
    assert demo.processes() == []


def _wait_for_banner(demo: Demo, log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while "Ctrl-C" not in log.read_text():
        if demo.process.poll() is not None or time.monotonic() > ends:
            raise AssertionError(f"the demo did not start:\n{log.read_text()}")
        time.sleep(0.2)
    try:
        urllib.request.urlopen(f"{demo.url}/readyz", timeout=5).close()
    except URLError as error:
        raise AssertionError("the banner came before the demo was ready") from error


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield opened
        opened.close()


def page_of(context: BrowserContext, problems: list[str]) -> Page:
    """A tab whose console errors and security violations are collected."""
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type in ("error", "warning") else None,
    )
    return page


def sign_in(page: Page, demo: Demo, email: str, password: str) -> None:
    """By the form, as a person does."""
    page.goto(f"{demo.url}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/(create|gallery)/"))
