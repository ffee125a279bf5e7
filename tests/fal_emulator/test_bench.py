"""What a drill of thousands needs: an oracle that survives kills, tiny clips, a limit of runs."""

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_emulator.book import Book
from fal_emulator.endpoints import ENDPOINTS
from fal_emulator.files import Files
from fal_emulator.requests import Request
from fal_emulator.server import Emulator, serve

from .conftest import KEY, LITE, PLAIN, SPEED, Fal, Sink, anyone, wait_until
from .test_clips import Probe, probe
from .test_restart import process


def oracle(fal: Fal) -> dict[str, Any]:
    rows = fal.client.get("/_emulator/oracle").json()
    return {row["request_id"]: row for row in rows}


def test_a_row_tells_everything_of_a_request(tiny: Fal, sink: Sink) -> None:
    job = tiny.submit("A cat", webhook=f"{sink.url}/a-token/")
    video = tiny.result(job).json()["video"]
    content = anyone.get(video["url"]).content
    anyone.get(video["url"], headers={"Range": "bytes=0-9"})
    tiny.client.put(job["cancel_url"])
    wait_until(lambda: oracle(tiny)[job["request_id"]]["delivered"] == 1)
    wait_until(lambda: oracle(tiny)[job["request_id"]]["downloads"] == 2)
    row = oracle(tiny)[job["request_id"]]
    assert row == {
        "request_id": job["request_id"],
        "endpoint": LITE.strip("/"),
        "prompt": "A cat",
        "seed": 7,
        "webhook": f"{sink.url}/a-token/",
        "token": "a-token",
        "fates": [],
        "state": "COMPLETED",
        "status_code": 200,
        "accepted_at": row["accepted_at"],
        "ended_at": row["ended_at"],
        "attempts": 1,
        "delivered": 1,
        "cancels": ["ALREADY_COMPLETED"],
        "downloads": 2,
        "served": len(content) + 10,
        "served_whole": 1,
        "clip_size": len(content),
        "clip_sha256": hashlib.sha256(content).hexdigest(),
        "digest": row["digest"],
    }
    assert time.time() - 60 < row["accepted_at"] < row["ended_at"] <= time.time()


def test_a_spoilt_download_serves_nothing_whole(tiny: Fal) -> None:
    url = tiny.run("A cat [corrupt once]").json()["video"]["url"]
    anyone.get(url)
    assert [(row["downloads"], row["served_whole"]) for row in oracle(tiny).values()] == [(1, 0)]


def test_a_slow_download_is_whole_and_a_broken_one_counts_what_went_out(
    tiny: Fal, emulator: Emulator
) -> None:
    tiny.client.post("/_emulator/faults", json={"drip_seconds": 0.001})
    slow, cut = tiny.run("A cat [slow clip]").json()["video"], tiny.run("A dog [truncated]").json()["video"]
    assert len(anyone.get(slow["url"]).content) == slow["file_size"]
    with pytest.raises(httpx.RemoteProtocolError):
        anyone.get(cut["url"])
    wait_until(lambda: all(row["downloads"] for row in oracle(tiny).values()))
    rows = [(row["served"], row["served_whole"]) for row in oracle(tiny).values()]
    assert rows == [(slow["file_size"], 1), (cut["file_size"] // 2, 0)]


def test_the_oracle_remembers_everything_across_a_kill(tmp_path: Path, sink: Sink) -> None:
    with process(tmp_path, "--speed", "100", "--small-clips") as (child, fal):
        good, bad = fal.submit("A cat", webhook=sink.url), fal.submit("A cat [policy]", webhook=sink.url)
        gone = fal.submit("A cat [never]", webhook=sink.url)
        fal.client.put(gone["cancel_url"])
        anyone.get(fal.result(good).json()["video"]["url"])
        wait_until(lambda: all(row["delivered"] for row in oracle(fal).values()))
        before, sent = oracle(fal), fal.client.get("/_emulator/deliveries").json()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with process(tmp_path, "--speed", "100") as (child, fal):
        assert oracle(fal) == before
        assert fal.client.get("/_emulator/deliveries").json() == sent
    assert [before[job["request_id"]]["status_code"] for job in (good, bad, gone)] == [200, 422, 499]
    assert len(sink.arrivals) == 3


def test_nothing_owed_is_forgotten_when_the_emulator_is_killed_in_the_middle(
    tmp_path: Path, sink: Sink
) -> None:
    sink.answers = [500] * 15  # so that some webhooks are still on their way
    options = ("--small-clips", "--speed", "20", "--running", "10")
    with process(tmp_path, *options) as (child, fal):
        port = str(fal.client.base_url.port)
        jobs = [fal.submit(f"Clip {number}", webhook=sink.url) for number in range(40)]
        wait_until(lambda: sum(row["state"] == "COMPLETED" for row in oracle(fal).values()) >= 15)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with process(tmp_path, *options, "--port", port) as (child, fal):
        wait_until(lambda: all(row["delivered"] for row in oracle(fal).values()), 30)
        assert set(oracle(fal)) == {job["request_id"] for job in jobs}
        assert all(fal.client.get(job["response_url"]).status_code == 200 for job in jobs)
    taken = {one.body["request_id"] for one in sink.arrivals}
    assert taken == {job["request_id"] for job in jobs}


def test_a_cancel_that_was_acknowledged_holds_after_a_kill(tmp_path: Path) -> None:
    with process(tmp_path, "--small-clips", "--speed", "1") as (child, fal):
        job = fal.submit("A cat")
        wait_until(lambda: fal.status(job).json()["status"] == "IN_PROGRESS")
        assert fal.client.put(job["cancel_url"]).status_code == 202
        port = str(fal.client.base_url.port)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with process(tmp_path, "--small-clips", "--port", port) as (child, fal):
        assert fal.result(job).status_code == 499
        assert oracle(fal)[job["request_id"]]["cancels"] == ["CANCELLATION_REQUESTED"]


@pytest.mark.parametrize(
    ("shape", "audio", "found"),
    [
        ("16:9", True, Probe((64, 36), 6.0, True, ("h264", "yuv420p", 24), 144)),
        ("9:16", False, Probe((36, 64), 6.0, False, ("h264", "yuv420p", 24), 144)),
    ],
)
def test_small_clips_have_the_bought_length_shape_and_sound(
    tiny: Fal, shape: str, audio: bool, found: Probe
) -> None:
    values: Any = {"duration": "6s", "aspect_ratio": shape, "generate_audio": audio, "resolution": "1080p"}
    video = tiny.run("A cat", **values).json()["video"]
    content = anyone.get(video["url"]).content
    assert probe(content) == found
    assert len(content) == video["file_size"] < 200_000


def test_small_clips_keep_their_fates(tiny: Fal) -> None:
    video = tiny.run("A cat [short] [silent]", duration="8s").json()["video"]
    found = probe(anyone.get(video["url"]).content)
    assert (found.seconds, found.sound) == (4.0, False)


def test_no_two_small_clips_are_alike(tiny: Fal) -> None:
    for _ in range(3):
        tiny.run("A cat")
    assert len({row["clip_sha256"] for row in oracle(tiny).values()}) == 3


def running(emulator: Emulator) -> int:
    return sum(row["state"] == "IN_PROGRESS" for row in emulator.oracle())


def test_an_account_runs_no_more_than_it_may_and_serves_in_order(tmp_path: Path) -> None:
    with (
        serve(data=tmp_path, speed=50, small_clips=True, running=2) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        jobs = [Fal(client).submit(f"Clip {number}")["request_id"] for number in range(8)]
        most = 0
        while not all(row["state"] == "COMPLETED" for row in emulator.oracle()):
            most = max(most, running(emulator))
            time.sleep(0.005)
        started = {request.id: request.started_at or 0 for request in emulator.app.world.book.all()}
    assert most == 2
    assert sorted(jobs, key=lambda each: started[each]) == jobs


def test_a_run_that_is_cancelled_makes_room(tmp_path: Path) -> None:
    with (
        serve(data=tmp_path, speed=SPEED, small_clips=True, running=1) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        fal = Fal(client)
        first, second = fal.submit("A cat [never]"), fal.submit("A dog")
        wait_until(lambda: running(emulator) == 1)
        time.sleep(0.2)
        assert fal.status(second).json()["status"] == "IN_QUEUE"
        client.put(first["cancel_url"])
        assert fal.result(second).status_code == 200


def test_who_waits_too_long_for_a_start_is_let_go(tmp_path: Path) -> None:
    with (
        serve(data=tmp_path, speed=SPEED, small_clips=True, running=1) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        fal = Fal(client)
        fal.submit("A cat [never]")
        wait_until(lambda: running(emulator) == 1)
        patience = {"X-Fal-Request-Timeout": "20"}
        job = client.post(LITE, json={"prompt": "A dog"}, headers=patience).json()
        result = fal.result(job)
        assert (result.status_code, result.json()["error_type"]) == (504, "startup_timeout")


def test_places_in_the_queue_are_right_whoever_leaves_it(tmp_path: Path) -> None:
    book = Book(tmp_path, Files(tmp_path / "files"))
    line = [waiting(number) for number in range(5)]
    for request in line:
        book.add(request)
    book.leave_queue(line[1])
    assert [book.ahead_of(request) for request in line] == [0, 1, 1, 2, 3]
    assert book.waiting(line[0].endpoint.id) == 4
    book.leave_queue(line[1])
    assert book.waiting(line[0].endpoint.id) == 4
    book.close()


def test_ten_thousand_open_requests_cost_no_more_each_than_a_few(tmp_path: Path) -> None:
    book = Book(tmp_path, Files(tmp_path / "files"))

    def cost(count: int) -> float:
        batch = [waiting(number) for number in range(count)]
        started = time.process_time()
        for request in batch:
            book.add(request)
            book.ahead_of(request)
        return (time.process_time() - started) / count

    cost(200)
    few = cost(1000)
    cost(9000)
    assert cost(1000) < 3 * few
    book.close()


def waiting(number: int) -> Request:
    return Request(
        id=f"00000000-0000-4000-8000-{number:012d}",
        endpoint=ENDPOINTS[LITE.strip("/")],
        given={"prompt": f"Clip {number}"},
        values={"prompt": f"Clip {number}"},
        webhook=None,
        base="http://127.0.0.1",
        headers={},
        accepted_at=time.time(),
    )
