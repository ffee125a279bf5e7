"""The control surface, and the package as a whole."""

import ast
import re
import sys
from pathlib import Path

import httpx
import pytest

import fal_emulator
from fal_emulator.fates import FATES
from fal_emulator.server import Emulator

from .conftest import KEY, LITE, PLAIN, Fal, anyone

ROOT = Path(fal_emulator.__file__).parent
DOCS = ROOT.parent / "docs" / "fal-emulator.md"
ALLOWED = {"av", "PIL", "cryptography", "httpx", "fal_emulator"}


def control(emulator: Emulator, name: str) -> str:
    return f"{emulator.url}/_emulator/{name}"


def test_the_journal_has_a_line_for_each_accepted_submission(emulator: Emulator, fal: Fal) -> None:
    job = fal.submit("A cat [never]", webhook="http://127.0.0.1:9/hook")
    fal.post("A cat", duration="9s")
    [line] = anyone.get(control(emulator, "journal")).json()
    assert line["request_id"] == job["request_id"]
    assert line["endpoint"] == LITE.strip("/")
    assert line["webhook"] == "http://127.0.0.1:9/hook"
    assert line["input"] == {"prompt": "A cat [never]", "duration": "4s", "seed": 7}
    assert len(line["digest"]) == 64
    assert line["fates"] == ["never"]
    assert [line] == emulator.journal()


def test_every_submit_is_noted_with_its_answer(emulator: Emulator, fal: Fal) -> None:
    fal.submit("A cat [never]")
    fal.post("A cat [503]")
    with pytest.raises(httpx.RemoteProtocolError):
        fal.post("A cat [refuse]")
    noted = anyone.get(control(emulator, "submits")).json()
    assert [line["answer"] for line in noted] == [200, 503, None]


def test_a_locked_account_takes_no_submits_but_answers_for_old_ones(emulator: Emulator, fal: Fal) -> None:
    job = fal.submit("A cat [never]")
    assert anyone.post(control(emulator, "account"), json={"locked": True}).json()["locked"] is True
    answer = fal.post("A cat")
    assert (answer.status_code, "locked" in answer.json()["detail"]) == (403, True)
    assert fal.status(job).status_code == 202
    anyone.post(control(emulator, "account"), json={"locked": False})
    assert fal.post("A cat").status_code == 200
    assert len(emulator.journal()) == 2


def test_an_outage_takes_everything_of_fals_down(emulator: Emulator, fal: Fal) -> None:
    job = fal.submit("A cat [never]")
    anyone.post(control(emulator, "outage"), json={"down": True})
    paths = (job["status_url"], "/v1/meta", "/.well-known/jwks.json", "/files/x/y")
    assert {fal.client.get(path).status_code for path in paths} == {503}
    assert fal.post("A cat").status_code == 503
    anyone.post(control(emulator, "outage"), json={"down": False})
    assert fal.status(job).status_code == 202
    assert len(emulator.journal()) == 1


def test_a_run_can_be_brought_to_its_end(emulator: Emulator, fal: Fal) -> None:
    job = fal.submit("A cat [never]")
    done = anyone.post(control(emulator, f"requests/{job['request_id']}/finish"), timeout=20).json()
    assert (done["state"], done["status_code"]) == ("COMPLETED", 200)
    assert fal.client.get(job["response_url"]).status_code == 200


def test_unknown_levers_and_malformed_pulls_are_told_apart(emulator: Emulator) -> None:
    assert anyone.get(control(emulator, "nothing")).status_code == 404
    assert anyone.post(control(emulator, "requests/x/finish")).status_code == 404
    assert anyone.post(control(emulator, "account"), json={}).status_code == 422
    assert anyone.put(control(emulator, "account"), json={}).status_code == 405


def test_addresses_follow_the_host_that_the_caller_used(emulator: Emulator) -> None:
    port = httpx.URL(emulator.url).port
    with httpx.Client(base_url=f"http://localhost:{port}", headers=KEY, verify=PLAIN) as client:
        job = client.post(LITE, json={"prompt": "A cat [never]"}).json()
        assert job["status_url"].startswith(f"http://localhost:{port}/")


def test_the_documentation_lists_exactly_the_fates_of_the_table(emulator: Emulator) -> None:
    rows = re.findall(r"^\| `\[(.+?)\]` \| (.+?) \|$", DOCS.read_text(), re.MULTILINE)
    assert rows == [(fate.word, fate.story) for fate in FATES]
    served = anyone.get(control(emulator, "fates")).json()
    assert [(fate["word"], fate["story"]) for fate in served] == rows


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_the_package_imports_nothing_of_the_product() -> None:
    for path in ROOT.glob("*.py"):
        assert imported(path) <= ALLOWED | set(sys.stdlib_module_names), path


def test_functions_and_files_stay_short() -> None:
    for path in ROOT.glob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 50, (path, node.name)
