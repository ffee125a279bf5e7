"""A program by the docs page alone: it creates, polls, hears by a signed webhook, and downloads."""

import html
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts import webhooks
from config.demo.ports import free_port
from generations.models import Generation
from tests.api.pasting import Pasted, examples
from tests.api.programs import ROOT
from tests.world import Studio


def receiver(page: str) -> str:
    """The program of the page that verifies with the public library."""
    blocks = re.findall(r"<code[^>]*>(.*?)</code>", page, re.DOTALL)
    (found,) = [html.unescape(each) for each in blocks if "from standardwebhooks import" in each]
    return found


@contextmanager
def listening(text: str, folder: Path, **environment: str) -> Iterator[Path]:
    """The program as pasted, in a process of its own; what it prints lands in a file."""
    told = folder / "told.txt"
    with told.open("w") as out:
        program = subprocess.Popen(
            [sys.executable, "-u", "-c", text], env=environment, stdout=out, stderr=out
        )
    try:
        yield told
    finally:
        program.terminate()
        program.wait(10)


def test_a_program_creates_polls_hears_and_downloads_as_the_page_says(
    studio: Studio, live_server: Any, tmp_path: Path, settings: Any
):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    settings.WEBHOOKS_INSIDE = True
    page = Client().get(f"{ROOT}/docs").content.decode()
    shown = {key: text for key, (_, text) in examples(page).items()}
    pasted, port = Pasted(studio, live_server.url, tmp_path), free_port()
    endpoint = webhooks.add(studio.world.alice, f"http://127.0.0.1:{port}/", ["generation.succeeded"])
    pasted.environment["DAILIES_WEBHOOK_SECRET"], pasted.environment["PORT"] = endpoint.secret, str(port)
    with listening(receiver(page), tmp_path, **pasted.environment) as told:
        pasted.run("curl", shown["curl-create"])
        assert "succeeded" in pasted.run("curl", shown["curl-wait"], working=True)
        ends = time.monotonic() + 30
        while "generation.succeeded" not in told.read_text() and time.monotonic() < ends:
            studio.work()
            time.sleep(0.1)
        made = Generation.objects.get()
        assert f"'id': '{made.pk}'" in told.read_text()
    pasted.run("curl", shown["curl-download"])
    assert made.clip
    assert (tmp_path / "clip.mp4").stat().st_size == made.clip.size
