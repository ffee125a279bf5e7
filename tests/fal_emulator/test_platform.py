"""The platform API: what it costs, what was charged, what was asked."""

import httpx
import pytest

from fal_emulator.endpoints import ENDPOINTS
from fal_emulator.server import Emulator

from .conftest import PLAIN, Fal, anyone

STANDARD, LITE = "fal-ai/veo3.1", "fal-ai/veo3.1/lite"


def test_the_source_addresses_of_webhooks_are_open_to_everybody(emulator: Emulator) -> None:
    body = anyone.get(f"{emulator.url}/v1/meta").json()
    assert body["webhook_ip_ranges"][0] == "127.0.0.1/32"


def test_models_are_listed_searched_and_paged(emulator: Emulator) -> None:
    with httpx.Client(base_url=f"{emulator.url}/v1/models", verify=PLAIN) as client:
        everything = client.get("").json()
        assert {model["endpoint_id"] for model in everything["models"]} == set(ENDPOINTS)
        kling = client.get("", params={"q": "kling"}).json()["models"]
        assert [model["metadata"]["category"] for model in kling] == ["image-to-video"]
        page = client.get("", params={"limit": 5}).json()
        rest = client.get("", params={"cursor": page["next_cursor"]}).json()
        assert (len(page["models"]), page["has_more"]) == (5, True)
        assert (len(rest["models"]), rest["has_more"], rest["next_cursor"]) == (8, False, None)


def test_prices_name_one_rate_per_endpoint(fal: Fal) -> None:
    prices = fal.client.get("/v1/models/pricing", params={"endpoint_id": f"{STANDARD},{LITE}"}).json()
    assert prices["prices"] == [
        {"endpoint_id": STANDARD, "unit_price": 0.2, "unit": "seconds", "currency": "USD"},
        {"endpoint_id": LITE, "unit_price": 0.03, "unit": "seconds", "currency": "USD"},
    ]


def test_an_estimate_multiplies(fal: Fal) -> None:
    wish = {"estimate_type": "unit_price", "endpoints": {LITE: {"unit_quantity": 10}}}
    answer = fal.client.post("/v1/models/pricing/estimate", json=wish)
    assert answer.json() == {"estimate_type": "unit_price", "total_cost": 0.3, "currency": "USD"}
    wish = {"estimate_type": "historical_api_price", "endpoints": {LITE: {"call_quantity": 1}}}
    assert fal.client.post("/v1/models/pricing/estimate", json=wish).json()["total_cost"] == 0.24


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/models/pricing?endpoint_id=fal-ai/none", 404, "not_found"),
        ("/v1/models/pricing", 400, "validation_error"),
        ("/v1/models/requests/by-endpoint", 400, "validation_error"),
        ("/v1/models/billing-events?start=yesterday", 400, "validation_error"),
        ("/v1/models/billing-events?cursor=!", 400, "validation_error"),
        ("/v1/nothing", 404, "not_found"),
    ],
)
def test_faults_have_the_platforms_own_shape(fal: Fal, path: str, status: int, kind: str) -> None:
    answer = fal.client.get(path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


def test_all_but_the_open_addresses_need_a_key(emulator: Emulator) -> None:
    for path in ("models/pricing", "models/billing-events", "models/usage", "account/billing"):
        answer = anyone.get(f"{emulator.url}/v1/{path}")
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authorization_error")


def test_a_good_clip_is_charged_once_and_a_failure_never(fal: Fal) -> None:
    job = fal.submit("A cat", f"/{LITE}", resolution="1080p", generate_audio=False)
    fal.result(job)
    fal.run("A cat [fail]")
    fal.run("A cat [policy]")
    [event] = fal.client.get("/v1/models/billing-events").json()["billing_events"]
    assert event["request_id"] == job["request_id"]
    assert (event["output_units"], event["unit_price"]) == (4.0, 0.05)
    assert (event["cost_total"], event["cost_estimate_nano_usd"]) == (0.2, 200_000_000)
    [bucket] = fal.client.get("/v1/models/usage").json()["time_series"]
    assert [line["cost"] for line in bucket["results"]] == [0.2]
    balance = fal.client.get("/v1/account/billing", params={"expand": "credits"}).json()
    assert balance["credits"] == {"current_balance": 99.8, "currency": "USD"}


def test_past_requests_are_found_by_endpoint_status_and_id(fal: Fal) -> None:
    good, bad = fal.submit("A cat"), fal.submit("A cat [fail]")
    fal.result(good)
    fal.result(bad)
    found = {
        status: [
            item["request_id"]
            for item in fal.client.get(
                "/v1/models/requests/by-endpoint", params={"endpoint_id": LITE, "status": status}
            ).json()["items"]
        ]
        for status in ("success", "error", "user_error")
    }
    assert found == {"success": [good["request_id"]], "error": [bad["request_id"]], "user_error": []}
    [item] = fal.client.get(
        "/v1/models/requests/by-endpoint",
        params={"endpoint_id": LITE, "request_id": good["request_id"], "expand": "payloads"},
    ).json()["items"]
    assert item["json_input"]["prompt"] == "A cat"
    assert item["json_output"] == fal.result(good).json()
    assert item["status_code"] == 200


def test_open_requests_are_listed_without_an_end(fal: Fal) -> None:
    fal.submit("A cat [never]")
    [item] = fal.client.get("/v1/models/requests/by-endpoint", params={"endpoint_id": LITE}).json()["items"]
    assert (item["ended_at"], item["status_code"], item["duration"]) == (None, None, None)


def test_payloads_are_not_kept_when_the_submit_says_so(fal: Fal) -> None:
    headers = {"X-Fal-Store-IO": "0"}
    fal.client.post(f"/{LITE}", json={"prompt": "A secret [never]"}, headers=headers)
    [item] = fal.client.get(
        "/v1/models/requests/by-endpoint", params={"endpoint_id": LITE, "expand": "payloads"}
    ).json()["items"]
    assert "json_input" not in item


def test_deleting_payloads_removes_the_clip(fal: Fal) -> None:
    job = fal.submit("A cat")
    url = fal.result(job).json()["video"]["url"]
    answer = fal.client.delete(f"/v1/models/requests/{job['request_id']}/payloads")
    assert answer.json() == {"cdn_delete_results": [{"link": url, "exception": None}]}
    assert anyone.get(url).status_code == 404
    assert fal.client.delete("/v1/models/requests/unknown/payloads").status_code == 404
