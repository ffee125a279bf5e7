"""What is promised once a submit was answered holds across a restart, even after a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fal_emulator.journal import Journal
from fal_emulator.server import serve

from .conftest import KEY, PLAIN, SPEED, Fal, Sink, anyone, wait_until
from .test_webhooks import is_genuine

ROOT = Path(__file__).parents[2]


@contextmanager
def process(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], Fal]]:
    """The emulator as its own process, on a free port, until the end of the block."""
    command = [sys.executable, "-m", "fal_emulator", "--port", "0", "--data", str(data), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            assert child.stdout is not None
            url = child.stdout.readline().split()[-1]
            with httpx.Client(base_url=url, headers=KEY, timeout=20, verify=PLAIN) as client:
                yield child, Fal(client)
        finally:
            child.kill()


def moved(job: dict[str, str], fal: Fal) -> dict[str, str]:
    """The addresses of an old job on the server's new port."""
    return {
        name: str(fal.client.base_url).rstrip("/") + httpx.URL(value).path
        for name, value in job.items()
        if name.endswith("_url")
    }


def test_a_killed_emulator_still_knows_and_finishes_what_it_accepted(tmp_path: Path, sink: Sink) -> None:
    with process(tmp_path) as (child, fal):  # at its own pace, so that nothing is finished yet
        job = fal.submit("A cat", webhook=sink.url)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with process(tmp_path, "--speed", "100") as (child, fal):
        answer = fal.result(moved(job, fal))
        assert answer.status_code == 200
        [line] = fal.client.get("/_emulator/journal").json()
        assert line["request_id"] == job["request_id"]
        [arrival] = sink.wait(1)
        assert arrival.body["payload"] == answer.json()
        assert is_genuine(arrival, fal)
        assert anyone.get(answer.json()["video"]["url"]).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_well_and_soon_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path, "--speed", "100") as (child, fal):
        fal.submit("A cat [slow]")
        started = time.monotonic()
        child.send_signal(number)
        assert child.wait(5) == 0
        assert time.monotonic() - started < 3


def test_finished_requests_keep_their_result_bill_and_key(tmp_path: Path, sink: Sink) -> None:
    with serve(data=tmp_path, speed=SPEED) as emulator:
        with httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client:
            fal = Fal(client)
            good, bad = fal.submit("A cat", webhook=sink.url), fal.submit("A cat [fail]")
            before = [fal.result(good).json(), fal.result(bad).json()]
            key = client.get("/.well-known/jwks.json").json()
        wait_until(lambda: emulator.requests()[0]["delivered"])
    with (
        serve(data=tmp_path, speed=SPEED) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        fal = Fal(client)
        clip = fal.result(moved(good, fal))
        assert clip.status_code == 200
        old = httpx.URL(before[0]["video"]["url"]).path
        assert httpx.URL(clip.json()["video"]["url"]).path == old
        assert client.get(old).status_code == 200
        broken = fal.result(moved(bad, fal))
        assert (broken.status_code, broken.json()) == (500, before[1])
        assert client.get("/.well-known/jwks.json").json() == key
        assert len(client.get("/v1/models/billing-events").json()["billing_events"]) == 1
    assert len(sink.arrivals) == 1  # it was taken before the restart


def test_a_webhook_that_nobody_took_is_sent_after_a_restart(tmp_path: Path, sink: Sink) -> None:
    sink.answers = [500] * 3
    with (
        serve(data=tmp_path, speed=1.0) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, timeout=20, verify=PLAIN) as client,
    ):
        Fal(client).submit("A cat [early]", webhook=sink.url)
    sink.answers = []
    with serve(data=tmp_path, speed=SPEED) as emulator:
        wait_until(lambda: emulator.requests()[0]["delivered"])
    assert len(sink.arrivals) >= 2


def test_a_torn_line_costs_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"a":1}\n{"a":')
    journal = Journal(path, durable=True)
    journal.write({"a": 2})
    journal.close()
    again = Journal(path, durable=False)
    assert list(again.past()) == [{"a": 1}, {"a": 2}]
    again.close()


def test_the_port_is_free_again_after_the_block(tmp_path: Path) -> None:
    with serve(data=tmp_path, speed=SPEED) as emulator:
        port = httpx.URL(emulator.url).port
        assert port is not None
    with pytest.raises(httpx.ConnectError):
        anyone.get(emulator.url)
    with serve(data=tmp_path, port=port, speed=SPEED) as emulator:
        assert anyone.get(f"{emulator.url}/v1/meta").status_code == 200


def test_a_port_that_is_taken_is_told_without_a_traceback(tmp_path: Path) -> None:
    with serve(data=tmp_path / "first", speed=SPEED) as emulator:
        port = str(httpx.URL(emulator.url).port)
        command = [sys.executable, "-m", "fal_emulator", "--data", str(tmp_path / "second"), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith("fal emulator cannot start:")


def test_a_public_address_and_an_account_can_be_given(tmp_path: Path, sink: Sink) -> None:
    with (
        serve(
            data=tmp_path, speed=SPEED, public_url="http://fal.example:99/", user_id="somebody"
        ) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        job = Fal(client).submit("A cat", webhook=sink.url)
        assert job["status_url"].startswith("http://fal.example:99/fal-ai/")
        [arrival] = sink.wait(1)
        assert arrival.body["payload"]["video"]["url"].startswith("http://fal.example:99/files/")
        assert arrival.headers["x-fal-webhook-user-id"] == "somebody"


def test_pictures_are_still_found_when_a_restart_changed_the_address(tmp_path: Path) -> None:
    with (
        serve(data=tmp_path, speed=SPEED) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        url = Fal(client).upload(b"anything")
    with serve(data=tmp_path, speed=SPEED) as emulator:
        assert emulator.app.world.media("http://other").content(url) == b"anything"
