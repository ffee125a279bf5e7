"""The request list: newest first, some time behind, in pages that new requests do not shift."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_emulator.server import serve

from .conftest import KEY, LITE, PLAIN, Fal, wait_until

STANDARD = "/fal-ai/veo3.1"


def listed(fal: Fal, *names: str, **query: Any) -> Any:
    wanted = ",".join(name.strip("/") for name in names or (LITE,))
    answer = fal.client.get("/v1/models/requests/by-endpoint", params={"endpoint_id": wanted, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page: Any) -> list[str]:
    return [item["request_id"] for item in page["items"]]


@pytest.fixture
def lagging(tmp_path: Path) -> Iterator[Fal]:
    """An emulator whose list is half a second behind."""
    with (
        serve(data=tmp_path, speed=10, list_lag=5, small_clips=True) as running,
        httpx.Client(base_url=running.url, headers=KEY, verify=PLAIN) as client,
    ):
        yield Fal(client)


def test_a_request_shows_up_after_the_lag_open_or_not(lagging: Fal) -> None:
    job = lagging.submit("A cat [never]")
    assert listed(lagging)["items"] == []
    assert listed(lagging, request_id=job["request_id"])["items"] == []
    wait_until(lambda: listed(lagging)["items"])
    [item] = listed(lagging, expand="payloads")["items"]
    assert (item["request_id"], item["status_code"]) == (job["request_id"], None)
    assert item["json_input"]["prompt"] == "A cat [never]"


def test_the_newest_comes_first_over_all_endpoints_asked_for(fal: Fal) -> None:
    jobs = [fal.submit("A cat [never]", path) for path in (LITE, STANDARD, LITE, STANDARD)]
    assert ids(listed(fal, LITE, STANDARD)) == [job["request_id"] for job in reversed(jobs)]
    assert ids(listed(fal, STANDARD)) == [jobs[3]["request_id"], jobs[1]["request_id"]]


def test_pages_stay_where_they_are_while_requests_come_in(fal: Fal) -> None:
    jobs = [fal.submit(f"Clip {number} [never]")["request_id"] for number in range(5)]
    first = listed(fal, limit=2)
    assert (ids(first), first["has_more"]) == (jobs[:2:-1], True)
    fal.submit("One more [never]")
    second = listed(fal, limit=2, cursor=first["next_cursor"])
    assert ids(second) == [jobs[2], jobs[1]]
    third = listed(fal, limit=2, cursor=second["next_cursor"])
    assert (ids(third), third["has_more"], third["next_cursor"]) == ([jobs[0]], False, None)


def test_a_span_of_time_can_be_asked_for(fal: Fal) -> None:
    for number in range(3):
        fal.submit(f"Clip {number} [never]")
    newest, middle, oldest = listed(fal)["items"]
    assert ids(listed(fal, start=middle["sent_at"])) == ids({"items": [newest, middle]})
    assert ids(listed(fal, end=middle["sent_at"])) == ids({"items": [oldest]})
    assert ids(listed(fal, start=newest["sent_at"], request_id=oldest["request_id"])) == ids(
        {"items": [oldest]}
    )


def test_ids_of_other_endpoints_are_not_found(fal: Fal) -> None:
    job = fal.submit("A cat [never]", STANDARD)
    assert listed(fal, LITE, request_id=job["request_id"])["items"] == []
    assert ids(listed(fal, STANDARD, request_id=f"unknown,{job['request_id']}")) == [job["request_id"]]
