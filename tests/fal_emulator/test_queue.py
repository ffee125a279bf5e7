"""The queue protocol: submit, status, stream, result, cancel."""

import json

import httpx
import pytest

from fal_emulator.server import Emulator

from .conftest import LITE, PLAIN, Fal, wait_until

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def test_a_submit_is_answered_with_short_addresses_and_a_place_in_the_queue(fal: Fal) -> None:
    answer = fal.post("A cat", "/fal-ai/veo3.1/fast")
    job = answer.json()
    own = f"{fal.client.base_url}".rstrip("/") + f"/fal-ai/veo3.1/requests/{job['request_id']}"
    assert job == {
        "status": "IN_QUEUE",
        "request_id": answer.headers["x-fal-request-id"],
        "gateway_request_id": job["request_id"],
        "response_url": own,
        "status_url": f"{own}/status",
        "cancel_url": f"{own}/cancel",
        "queue_position": 0,
    }


def test_the_status_goes_from_the_queue_over_progress_to_completion(leisurely: Fal) -> None:
    fal = leisurely
    job = fal.submit("A cat")
    waiting = fal.status(job)
    assert (waiting.status_code, waiting.json()["status"]) == (202, "IN_QUEUE")
    assert waiting.json()["queue_position"] == 0
    wait_until(lambda: fal.status(job).json()["status"] == "IN_PROGRESS")
    running = fal.status(job)
    assert running.status_code == 202
    assert {"message", "timestamp", "level", "source"} == set(running.json()["logs"][0])
    assert fal.status(job, logs=0).json()["logs"] is None
    done = fal.completed(job)
    assert done["metrics"]["inference_time"] > 0
    assert "error" not in done


def test_waiting_requests_know_how_many_are_ahead(leisurely: Fal) -> None:
    jobs = [leisurely.submit(f"Cat {number}") for number in range(3)]
    assert [job["queue_position"] for job in jobs] == [0, 1, 2]


def test_a_result_that_is_not_there_yet_is_a_400(leisurely: Fal) -> None:
    fal = leisurely
    answer = fal.client.get(fal.submit("A cat")["response_url"])
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Request is still in progress"}


def test_a_result_is_the_models_output_with_its_billable_seconds(fal: Fal) -> None:
    result = fal.run("A cat", duration="6s")
    assert set(result.json()) == {"video"}
    assert {"url", "content_type", "file_name", "file_size"} == set(result.json()["video"])
    assert result.headers["X-Fal-Billable-Units"] == "6"


def test_every_documented_form_of_the_addresses_is_taken(fal: Fal) -> None:
    job = fal.submit("A cat", LITE)
    fal.completed(job)
    for base in ("/fal-ai/veo3.1", LITE):
        own = f"{base}/requests/{job['request_id']}"
        for tail in ("", "/", "/response", "/status"):
            assert fal.client.get(own + tail).status_code == 200
        assert fal.client.put(own + "/cancel").status_code == 400
    other = f"/fal-ai/kling-video/requests/{job['request_id']}"
    assert fal.client.get(other).status_code == 404


@pytest.mark.parametrize("tail", ["", "/status", "/status/stream"])
def test_an_unknown_request_is_a_404_that_says_so(fal: Fal, tail: str) -> None:
    answer = fal.client.get(f"/fal-ai/veo3.1/requests/{UNKNOWN}{tail}")
    assert (answer.status_code, answer.json()["status"]) == (404, "NOT_FOUND")


def test_cancelling_an_unknown_request_is_a_404(fal: Fal) -> None:
    assert fal.client.put(f"/fal-ai/veo3.1/requests/{UNKNOWN}/cancel").status_code == 404


def test_a_waiting_request_is_cancelled_at_once(leisurely: Fal) -> None:
    fal = leisurely
    job = fal.submit("A cat")
    answer = fal.client.put(job["cancel_url"])
    assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    status = fal.status(job)
    assert (status.status_code, status.json()["error_type"]) == (200, "client_cancelled")
    result = fal.client.get(job["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")


def test_a_running_request_is_cancelled_a_little_later(emulator: Emulator, fal: Fal) -> None:
    job = fal.submit("A cat [never]")
    wait_until(lambda: fal.status(job).json()["status"] == "IN_PROGRESS")
    assert fal.client.put(job["cancel_url"]).status_code == 202
    assert emulator.requests()[0]["cancelling"]
    assert fal.result(job).status_code == 499


def test_a_completed_request_is_past_cancelling(fal: Fal) -> None:
    job = fal.submit("A cat")
    fal.completed(job)
    answer = fal.client.put(job["cancel_url"])
    assert (answer.status_code, answer.json()) == (400, {"status": "ALREADY_COMPLETED"})


def test_the_status_stream_tells_each_change_and_ends_with_completion(leisurely: Fal) -> None:
    fal = leisurely
    job = fal.submit("A cat")
    with fal.client.stream("GET", job["status_url"] + "/stream?logs=1") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line]
    words = [event["status"] for event in events]
    assert words[0] == "IN_QUEUE"
    assert words[-1] == "COMPLETED"


@pytest.mark.parametrize("header", [None, "Key an-invalid-key", "Key", "Bearer a:b"])
def test_a_missing_or_invalid_key_is_a_401(emulator: Emulator, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    with httpx.Client(base_url=emulator.url, headers=headers, verify=PLAIN) as client:
        for answer in (
            client.post(LITE, json={"prompt": "A cat"}),
            client.get(f"/fal-ai/veo3.1/requests/{UNKNOWN}/status"),
            client.post("/storage/upload/initiate", json={}),
            client.post("/storage/auth/token", json={}),
        ):
            assert answer.status_code == 401
            assert answer.json()["detail"]
    assert emulator.journal() == []


def test_an_unknown_endpoint_is_a_404_and_a_wrong_method_a_405(fal: Fal) -> None:
    assert fal.post("A cat", "/fal-ai/veo4").status_code == 404
    assert fal.client.get(LITE).status_code == 405
    job = fal.submit("A cat")
    assert fal.client.post(job["cancel_url"]).status_code == 405
    assert fal.client.put(job["status_url"]).status_code == 405


def test_a_submit_may_refuse_to_stand_in_a_long_queue(leisurely: Fal) -> None:
    fal = leisurely
    for _ in range(2):
        fal.submit("A cat")
    given = {"prompt": "A cat"}
    answers = [
        fal.client.post(LITE, params={"fal_max_queue_length": most}, json=given).status_code
        for most in (1, 2)
    ]
    assert answers == [429, 200]


def test_a_short_patience_for_the_start_ends_in_a_startup_timeout(fal: Fal) -> None:
    headers = {"X-Fal-Request-Timeout": "1.5"}
    job = fal.client.post(LITE, json={"prompt": "A cat"}, headers=headers).json()
    result = fal.result(job)
    assert (result.status_code, result.json()["error_type"]) == (504, "startup_timeout")
    assert result.headers["X-Fal-Request-Timeout-Type"] == "user"


def test_a_body_in_chunks_is_understood(fal: Fal) -> None:
    pieces = iter([b'{"prompt":', b'"A cat"}'])
    headers = {"Content-Type": "application/json"}
    assert fal.client.post(LITE, content=pieces, headers=headers).status_code == 200
