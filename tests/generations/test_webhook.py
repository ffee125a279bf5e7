"""The webhook turns away everything that is not provably fal's, ours and about this attempt."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.urls import reverse

from fal_emulator.server import Emulator
from generations import orders, webhooks
from generations.models import Attempt, Delivery, Generation, State, StateChange
from generations.models.attempt import hashed
from generations.motor.deliveries import hear
from tests.world import World, order

TOKEN = "t" * 43
REQUEST = "6c9d6b3e-9a7e-4b5c-8a57-0f4f3d2a1b00"
OK = {
    "request_id": REQUEST,
    "gateway_request_id": REQUEST,
    "status": "OK",
    "payload": {"video": {"url": "u"}},
}


@pytest.fixture
def submitted(world: World, fal: Emulator, settings: Any) -> Generation:
    """A generation whose submit fal has answered."""
    settings.FAL_JWKS_URL = f"{fal.url}/.well-known/jwks.json"
    settings.FAL_WEBHOOK_USER_ID = "emulator-account"
    webhooks.keys.cache_clear()
    generation = orders.place(world.alice, order(world.alice))[0]
    assert generation.claim(State.SUBMITTING, seconds=60, cause="test")
    Attempt.objects.create(
        generation=generation,
        number=1,
        token_hash=hashed(TOKEN),
        state="accepted",
        request_id=REQUEST,
        sent_at=generation.created_at,
    )
    assert generation.move(State.SUBMITTED, cause="test", wake_at=generation.created_at)
    return generation


def signed(
    fal: Emulator, body: bytes, request_id: str = REQUEST, user: str = "emulator-account"
) -> dict[str, str]:
    return fal.app.world.signer.headers(request_id, user, body)


def signed_at(fal: Emulator, body: bytes, at: float) -> dict[str, str]:
    """As `signed`, at another time, with the emulator's own key."""
    return fal.app.world.signer.headers(REQUEST, "emulator-account", body, age=time.time() - at)


def deliver(body: bytes, headers: dict[str, str], token: str = TOKEN, **options: Any) -> int:
    address = reverse("generations:fal_webhook", args=[token])
    response = Client(enforce_csrf_checks=True).post(
        address,
        body,
        content_type=options.pop("content_type", "application/json"),
        headers=headers,
        **options,
    )
    return response.status_code


def raw(**changes: Any) -> bytes:
    return json.dumps(OK | changes).encode()


def traces() -> tuple[int, ...]:
    return (
        Delivery.objects.count(),
        StateChange.objects.count(),
        Generation.objects.filter(state="submitted").count(),
    )


def test_a_genuine_delivery_is_stored_before_it_is_answered(submitted: Generation, fal: Emulator) -> None:
    body = raw()
    assert deliver(body, signed(fal, body)) == 200
    delivery = Delivery.objects.get()
    assert delivery.attempt.generation == submitted
    assert (delivery.status, delivery.stale) == ("OK", False)
    submitted.refresh_from_db()
    assert submitted.state == State.STORING


def test_the_same_delivery_again_is_answered_and_changes_nothing(
    submitted: Generation, fal: Emulator
) -> None:
    body = raw()
    assert [deliver(body, signed(fal, body)) for _ in range(3)] == [200, 200, 200]
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("status", ["ERROR", "OKAY", "", None])
def test_a_video_beside_any_other_word_than_ok_is_not_believed(
    submitted: Generation, fal: Emulator, status: str | None
) -> None:
    body = raw(status=status)
    assert deliver(body, signed(fal, body)) == 200
    assert Delivery.objects.get().processed_at is None  # the motor asks fal what it means
    submitted.refresh_from_db()
    assert submitted.state == State.SUBMITTED


MUTATIONS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "no headers": lambda _: {},
    "no signature": lambda headers: {**headers, "X-Fal-Webhook-Signature": ""},
    "short signature": lambda headers: {**headers, "X-Fal-Webhook-Signature": "ab"},
    "not hex": lambda headers: {**headers, "X-Fal-Webhook-Signature": "z" * 128},
    "other signature": lambda headers: {**headers, "X-Fal-Webhook-Signature": "ab" * 64},
    "other request": lambda headers: {**headers, "X-Fal-Webhook-Request-Id": "another"},
    "other user": lambda headers: {**headers, "X-Fal-Webhook-User-Id": "another"},
    "other time": lambda headers: {**headers, "X-Fal-Webhook-Timestamp": str(int(time.time()) - 9)},
    "no time": lambda headers: {**headers, "X-Fal-Webhook-Timestamp": "now"},
    "odd digits": lambda headers: {**headers, "X-Fal-Webhook-Timestamp": "١٢٣"},
    "time of the far future": lambda headers: {**headers, "X-Fal-Webhook-Timestamp": "999999999999"},
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_forged_delivery_leaves_no_trace(submitted: Generation, fal: Emulator, mutation: str) -> None:
    body, before = raw(), traces()
    assert deliver(body, MUTATIONS[mutation](signed(fal, body))) in (400, 401)
    assert traces() == before


def test_a_changed_body_is_refused(submitted: Generation, fal: Emulator) -> None:
    headers = signed(fal, raw())
    assert deliver(raw(status="ERROR"), headers) == 401
    assert Delivery.objects.count() == 0


def test_a_valid_signature_of_another_account_is_refused(submitted: Generation, fal: Emulator) -> None:
    body = raw()
    assert deliver(body, signed(fal, body, user="mallory")) == 401
    assert Delivery.objects.count() == 0


def test_nothing_is_believed_while_our_own_account_is_not_configured(
    submitted: Generation, fal: Emulator, settings: Any
) -> None:
    settings.FAL_WEBHOOK_USER_ID = ""
    body = raw()
    assert deliver(body, signed(fal, body)) == 401


def test_a_signature_by_a_key_of_nobody_is_refused(submitted: Generation, fal: Emulator) -> None:
    body = raw()
    headers = signed(fal, body)
    headers["X-Fal-Webhook-Signature"] = Ed25519PrivateKey.generate().sign(b"anything").hex()
    assert deliver(body, headers) == 401


def test_an_unknown_token_is_a_404(submitted: Generation, fal: Emulator) -> None:
    body = raw()
    assert deliver(body, signed(fal, body), token="x" * 43) == 404


def test_a_delivery_of_another_request_to_this_token_is_refused(submitted: Generation, fal: Emulator) -> None:
    body = raw(request_id="another", gateway_request_id="another")
    assert deliver(body, signed(fal, body, request_id="another")) == 409
    assert Delivery.objects.count() == 0


def test_a_header_that_names_another_request_than_the_body_is_refused(
    submitted: Generation, fal: Emulator
) -> None:
    body = raw(gateway_request_id="gateway")
    assert deliver(body, signed(fal, body, request_id="another")) == 400
    assert deliver(body, signed(fal, body, request_id="gateway")) == 200


@pytest.mark.parametrize(
    ("age", "status", "stale"), [(290, 200, False), (1000, 200, True), (4 * 3600, 400, None)]
)
def test_age_decides_between_belief_a_look_and_refusal(
    submitted: Generation, fal: Emulator, age: int, status: int, stale: bool | None
) -> None:
    body = raw()
    assert deliver(body, signed_at(fal, body, time.time() - age)) == status
    assert list(Delivery.objects.values_list("stale", flat=True)) == ([] if stale is None else [stale])


@pytest.mark.parametrize("content", [b" ", b"[]", b"{}", b"null", b"not json", b'{"request_id": 7}'])
def test_a_signed_body_that_makes_no_sense_is_a_400(
    submitted: Generation, fal: Emulator, content: bytes
) -> None:
    assert deliver(content, signed(fal, content)) == 400
    assert Delivery.objects.count() == 0


ODD = {
    "NUL": b'"\\u0000bad"',
    "lone surrogate": b'"\\ud800"',
    "infinite": b"1e999",
    "NaN": b"NaN",
    "deep": b"[" * 100 + b"]" * 100,
}


@pytest.mark.both_databases
@pytest.mark.parametrize("what", ODD)
def test_odd_but_signed_values_are_stored_somehow(submitted: Generation, fal: Emulator, what: str) -> None:
    body = raw()[:-1] + b', "odd": ' + ODD[what] + b"}"
    assert deliver(body, signed(fal, body)) == 200
    assert Delivery.objects.get().status == "OK"


def test_a_body_too_deep_to_read_is_a_400(submitted: Generation, fal: Emulator) -> None:
    body = raw()[:-1] + b', "odd": ' + b"[" * 60_000 + b"]" * 60_000 + b"}"
    assert deliver(body, signed(fal, body)) == 400


def test_a_body_over_the_cap_is_refused_before_it_is_read(submitted: Generation, fal: Emulator) -> None:
    body = raw(error="x" * webhooks.BODY_CAP)
    assert deliver(body, signed(fal, body)) == 413


def test_only_json_by_post_is_looked_at(submitted: Generation, fal: Emulator) -> None:
    body = raw()
    assert deliver(body, signed(fal, body), content_type="text/plain") == 400
    assert Client().get(reverse("generations:fal_webhook", args=[TOKEN])).status_code == 405


def test_without_any_key_the_sender_is_asked_to_come_again(
    submitted: Generation, fal: Emulator, settings: Any
) -> None:
    settings.FAL_JWKS_URL = "http://127.0.0.1:9/jwks.json"
    webhooks.keys.cache_clear()
    body = raw()
    assert deliver(body, signed(fal, body)) == 503
    assert Delivery.objects.count() == 0


def test_forgeries_make_us_ask_for_keys_at_most_once_a_minute(submitted: Generation, fal: Emulator) -> None:
    body = raw()
    assert deliver(body, signed(fal, body)) == 200
    asked = webhooks.keys().asked_at
    for number in range(20):
        assert deliver(body, fal.app.world.signer.bad_headers(REQUEST, "emulator-account")) == 401, number
    assert webhooks.keys().asked_at == asked


def test_the_address_in_use_answers_without_a_redirect(
    submitted: Generation, fal: Emulator, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    body = raw()
    assert deliver(body, signed(fal, body)) == 200


def test_a_webhook_before_the_submits_answer_adopts_the_request(
    world: World, fal: Emulator, submitted: Generation
) -> None:
    early = orders.place(world.alice, order(world.alice))[0]
    assert early.claim(State.SUBMITTING, seconds=60, cause="test")
    attempt = Attempt.objects.create(
        generation=early, number=1, token_hash=hashed("e" * 43), state="sending", sent_at=early.created_at
    )
    body = raw(request_id="early-1", gateway_request_id="early-1")
    assert deliver(body, signed(fal, body, request_id="early-1"), token="e" * 43) == 200
    assert hear(early).state == State.SUBMITTED
    attempt.refresh_from_db()
    assert (attempt.request_id, attempt.state) == ("early-1", "accepted")
    assert attempt.status_url.endswith("/fal-ai/veo3.1/requests/early-1/status")
