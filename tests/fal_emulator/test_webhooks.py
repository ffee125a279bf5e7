"""Webhooks: their signature, their body, and how delivery is tried again."""

import base64
import hashlib
import itertools
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fal_emulator.server import Emulator

from .conftest import Arrival, Fal, Sink, wait_until


def is_genuine(arrival: Arrival, fal: Fal) -> bool:
    """The verification that fal documents, written out once more."""
    parts = [arrival.headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    if abs(time.time() - int(parts[2])) > 300:
        return False
    message = "\n".join([*parts, hashlib.sha256(arrival.raw).hexdigest()]).encode()
    signature = bytes.fromhex(arrival.headers["x-fal-webhook-signature"])
    for key in fal.client.get("/.well-known/jwks.json").json()["keys"]:
        public = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def test_a_good_result_is_delivered_signed_with_the_models_output(
    emulator: Emulator, fal: Fal, sink: Sink
) -> None:
    job = fal.submit("A cat", webhook=sink.url)
    [arrival] = sink.wait(1)
    assert is_genuine(arrival, fal)
    assert arrival.headers["content-type"] == "application/json"
    assert arrival.headers["x-fal-webhook-user-id"] == "emulator-account"
    assert arrival.headers["x-fal-webhook-request-id"] == job["request_id"]
    assert arrival.body == {
        "request_id": job["request_id"],
        "gateway_request_id": job["request_id"],
        "status": "OK",
        "payload": fal.result(job).json(),
    }
    wait_until(lambda: emulator.requests()[0]["delivered"])


def test_a_changed_body_no_longer_verifies(fal: Fal, sink: Sink) -> None:
    fal.submit("A cat", webhook=sink.url)
    [arrival] = sink.wait(1)
    arrival.raw = arrival.raw.replace(b'"OK"', b'"ERROR"')
    assert not is_genuine(arrival, fal)


def test_deliveries_are_repeated_with_growing_gaps_until_they_are_taken(
    emulator: Emulator, fal: Fal, sink: Sink
) -> None:
    sink.answers = [500, 404, 503, 429]
    fal.submit("A cat", webhook=sink.url)
    arrivals = sink.wait(5)
    assert len({one.raw for one in arrivals}) == 1
    assert all(is_genuine(one, fal) for one in arrivals)
    gaps = [later.time - sooner.time for sooner, later in itertools.pairwise(arrivals)]
    speed = emulator.app.world.timeline.speed
    assert all(gap >= 2**step / speed for step, gap in enumerate(gaps))
    wait_until(lambda: len(emulator.deliveries()) == 5)
    assert [one["status_code"] for one in emulator.deliveries()] == [
        500,
        404,
        503,
        429,
        200,
    ]
    assert [one["attempt"] for one in emulator.deliveries()] == [1, 2, 3, 4, 5]


def test_a_redirect_is_not_followed_and_not_tried_again(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    sink.answers = [308]
    fal.submit("A cat", webhook=sink.url)
    sink.wait(1)
    time.sleep(0.15)
    assert len(sink.arrivals) == 1
    assert not emulator.requests()[0]["delivered"]


def test_a_target_that_does_not_answer_is_noted_and_tried_again(emulator: Emulator, fal: Fal) -> None:
    fal.submit("A cat", webhook="http://127.0.0.1:9/nobody")
    wait_until(lambda: len(emulator.deliveries()) >= 3)
    first = emulator.deliveries()[0]
    assert first["status_code"] is None
    assert first["error"].startswith("ConnectError")


def test_a_webhook_address_that_is_none_harms_nothing(emulator: Emulator, fal: Fal) -> None:
    assert fal.result(fal.submit("A cat", webhook="not an address")).status_code == 200
    wait_until(emulator.deliveries)
    assert emulator.deliveries()[0]["error"]


def test_a_cancelled_request_is_told_as_an_error(fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [never]", webhook=sink.url)
    fal.client.put(job["cancel_url"])
    body = sink.wait(1)[0].body
    assert (body["status"], body["error_type"]) == ("ERROR", "client_cancelled")
    assert body["error"] == "Invalid status code: 499"


def test_the_key_set_names_a_public_key_that_may_be_cached(fal: Fal) -> None:
    [key] = fal.client.get("/.well-known/jwks.json", headers={"Authorization": ""}).json()["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    assert "=" not in key["x"]
