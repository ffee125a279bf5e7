"""The docs page: open to everybody, and every example on it works as pasted."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from generations.api.app import api
from generations.api.description import described
from generations.api.examples import CALLS
from generations.api.problems import KINDS
from generations.models import Generation, State
from tests.api.pasting import Pasted, examples
from tests.api.programs import ROOT
from tests.world import Studio


def test_the_page_and_the_description_are_open_to_everybody(db: None):
    page = Client().get(f"{ROOT}/docs")
    assert page.status_code == 200
    assert Client().get(f"{ROOT}/docs/").status_code == 200  # as people type it
    assert "unsafe" not in page["Content-Security-Policy"]
    assert all(f'id="{name}"' in page.content.decode() for name in (*KINDS, "webhooks"))
    assert "<td><code>errors</code> names each parameter" in page.content.decode()
    assert "style=" not in page.content.decode()


def test_every_call_of_the_api_is_on_the_page(db: None):
    calls = {
        (method.upper(), path.removeprefix(ROOT))
        for path, found in described()["paths"].items()
        for method in found
    }
    assert {(each.method, each.path) for each in CALLS} == calls
    shown = examples(Client().get(f"{ROOT}/docs").content.decode())
    for each in CALLS:
        assert shown[f"curl-{each.name}"] == ("curl", each.curl)
        assert shown[f"python-{each.name}"] == ("python", each.python)


def test_the_examples_import_as_python_is_written():
    for each in CALLS:
        head = each.python.split("\napi = ")[0].split("\n\n")
        ours = head[0].splitlines()
        assert [*ours] == sorted(ours)
        assert "import os" in ours
        assert head[1].strip() == "import httpx"


def test_the_description_names_each_call_once():
    names = [call["operationId"] for calls in described()["paths"].values() for call in calls.values()]
    assert len(set(names)) == len(names) == len(CALLS)
    assert api.openapi_url is None


PLAIN = ("endpoints", "endpoint", "quote", "upload")
AFTER = ("list", "credits", "ledger")


@pytest.mark.parametrize("language", ["curl", "python"])
def test_every_example_works_as_pasted(studio: Studio, live_server: Any, tmp_path: Path, language: str):
    if language == "curl" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    page = Client().get(f"{ROOT}/docs").content.decode()
    shown = {key: text for key, (kind, text) in examples(page).items() if kind == language}
    pasted = Pasted(studio, live_server.url, tmp_path)

    def run(name: str, **options: Any) -> str:
        return pasted.run(language, shown.pop(f"{language}-{name}"), **options)

    for name in PLAIN:
        run(name)
    create = shown[f"{language}-create"]
    run("create")
    assert Generation.objects.get().state == State.QUEUED
    assert "cancelled" in run("cancel")
    # A reader goes on with the next one, whatever became of the newest clip.
    wait = shown[f"{language}-wait"]
    assert "cancelled" in pasted.run(language, wait)
    assert pasted.fails(language, shown[f"{language}-download"])
    assert not (tmp_path / "clip.mp4").exists()
    pasted.run(language, create)
    assert "succeeded" in run("wait", working=True)
    pasted.run(language, create)  # the newest has no video yet
    run("download")
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"
    ready = Generation.objects.get(state=State.SUCCEEDED)
    assert ready.clip
    assert (tmp_path / "clip.mp4").stat().st_size == ready.clip.size
    for name in AFTER:
        told = run(name)
        assert name != "list" or str(ready.pk) in told
    assert shown == {}
