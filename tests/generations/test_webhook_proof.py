"""Forgeries by the thousand, keys that come, go and cannot be had: nothing untrue ever leaves a trace.

Twenty-five kinds of mutation of a genuine delivery, 20,000 requests in all: every one is refused before the
first SQL statement, and memory stays flat.
"""

import base64
import hashlib
import io
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generations import orders, webhooks
from generations.fal import keys as key_module
from generations.models import Attempt, Delivery, Generation, State, StateChange
from generations.models.attempt import hashed
from tests.world import World, order

TOKEN, REQUEST, ACCOUNT = "t" * 43, "6c9d6b3e-9a7e-4b5c-8a57-0f4f3d2a1b00", "our-account"
EACH = 800
MIB = 1024 * 1024


class Keys:
    """fal's key set on a port of its own, and the private keys behind it."""

    def __init__(self) -> None:
        self.signing = Ed25519PrivateKey.generate()
        self.answer: tuple[int, bytes] = (200, key_set(self.signing))
        self.asked, self.url = 0, ""

    def publish(self, *private: Ed25519PrivateKey) -> None:
        self.answer = 200, key_set(*private)


def key_set(*private: Ed25519PrivateKey) -> bytes:
    raw = [each.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for each in private]
    encoded = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in raw]
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x} for x in encoded]}).encode()


@contextmanager
def served(keys: Keys) -> Iterator[Keys]:
    class Answer(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

        def do_GET(self) -> None:
            keys.asked += 1
            status, body = keys.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        keys.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield keys
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def keys(settings: Any) -> Iterator[Keys]:
    with served(Keys()) as made:
        settings.FAL_JWKS_URL, settings.FAL_WEBHOOK_USER_ID = made.url, ACCOUNT
        webhooks.keys.cache_clear()
        yield made
        webhooks.keys.cache_clear()


def waiting_for(world: World, token: str, request_id: str) -> Generation:
    """A generation that fal has, and that a genuine delivery would move on."""
    generation = orders.place(world.alice, order(world.alice))[0]
    assert generation.claim(State.SUBMITTING, seconds=60, cause="test")
    Attempt.objects.create(
        generation=generation,
        number=1,
        token_hash=hashed(token),
        state="accepted",
        request_id=request_id,
        sent_at=generation.created_at,
    )
    assert generation.move(State.SUBMITTED, cause="test", wake_at=generation.created_at)
    return generation


@pytest.fixture
def target(world: World) -> Generation:
    return waiting_for(world, TOKEN, REQUEST)


@dataclass(frozen=True)
class Sent:
    """One request, as it goes over the wire."""

    body: bytes
    headers: dict[str, str]
    content_type: str = "application/json"
    method: str = "POST"

    def header(self, name: str, value: str | None) -> "Sent":
        """With another value of a signature header, or without it."""
        rest = {key: old for key, old in self.headers.items() if key != f"X-Fal-Webhook-{name}"}
        return replace(self, headers=rest | ({f"X-Fal-Webhook-{name}": value} if value is not None else {}))

    def of(self, name: str) -> str:
        return self.headers[f"X-Fal-Webhook-{name}"]


def genuine(signing: Ed25519PrivateKey, number: int = 0, *, user: str = ACCOUNT, age: float = 0) -> Sent:
    payload = {"video": {"url": f"https://v3.fal.media/{number}.mp4"}}
    body = json.dumps({"request_id": REQUEST, "status": "OK", "payload": payload}).encode()
    stamp = str(int(time.time() - age))
    message = "\n".join((REQUEST, user, stamp, hashlib.sha256(body).hexdigest()))
    named = {
        "Request-Id": REQUEST,
        "User-Id": user,
        "Timestamp": stamp,
        "Signature": signing.sign(message.encode()).hex(),
    }
    return Sent(body, {f"X-Fal-Webhook-{name}": value for name, value in named.items()})


def flipped(text: str) -> str:
    """A hex text with one bit changed somewhere."""
    raw = bytearray(bytes.fromhex(text))
    raw[secrets.randbelow(len(raw))] ^= 1 << secrets.randbelow(8)
    return raw.hex()


def swapped(body: bytes) -> bytes:
    """A body with one byte changed somewhere, still of the same length."""
    raw, at = bytearray(body), secrets.randbelow(len(body))
    raw[at] = (raw[at] + 1) % 128
    return bytes(raw)


Mutation = Callable[[Sent, Ed25519PrivateKey, int], Sent]
FORGERIES: dict[str, Mutation] = {
    "no headers": lambda sent, key, n: replace(sent, headers={}),
    "no request id": lambda sent, key, n: sent.header("Request-Id", None),
    "no user": lambda sent, key, n: sent.header("User-Id", None),
    "no timestamp": lambda sent, key, n: sent.header("Timestamp", None),
    "no signature": lambda sent, key, n: sent.header("Signature", None),
    "empty signature": lambda sent, key, n: sent.header("Signature", ""),
    "short signature": lambda sent, key, n: sent.header("Signature", sent.of("Signature")[: n % 128]),
    "long signature": lambda sent, key, n: sent.header("Signature", sent.of("Signature") + "00"),
    "not hex": lambda sent, key, n: sent.header("Signature", "g" * 128),
    "random signature": lambda sent, key, n: sent.header("Signature", secrets.token_hex(64)),
    "flipped signature": lambda sent, key, n: sent.header("Signature", flipped(sent.of("Signature"))),
    "zero signature": lambda sent, key, n: sent.header("Signature", "0" * 128),
    "another key": lambda sent, key, n: genuine(Ed25519PrivateKey.generate(), n),
    "changed body": lambda sent, key, n: replace(sent, body=swapped(sent.body)),
    "longer body": lambda sent, key, n: replace(sent, body=sent.body + b" "),
    "body of another delivery": lambda sent, key, n: replace(sent, body=genuine(key, n + 1).body),
    "other request id": lambda sent, key, n: sent.header("Request-Id", f"{n}{REQUEST[8:]}"),
    "another account": lambda sent, key, n: genuine(key, n, user=f"account-{n}"),
    "our account put in": lambda sent, key, n: genuine(key, n, user="mallory").header("User-Id", ACCOUNT),
    "another second": lambda sent, key, n: sent.header("Timestamp", str(int(sent.of("Timestamp")) - 1 - n)),
    "too old": lambda sent, key, n: genuine(key, n, age=3 * 3600 + 60),
    "from the future": lambda sent, key, n: genuine(key, n, age=-3 * 3600 - 60),
    "odd digits": lambda sent, key, n: sent.header("Timestamp", "١٧٠٠٠٠٠٠٠٠"),
    "two values": lambda sent, key, n: sent.header("Signature", f"{sent.of('Signature')},{'0' * 128}"),
    "not json by type": lambda sent, key, n: replace(sent, content_type="text/plain"),
}


def traces() -> tuple[Any, ...]:
    return (
        Delivery.objects.count(),
        StateChange.objects.count(),
        list(Attempt.objects.values()),
        list(Generation.objects.values()),
    )


def answer(sent: Sent, token: str = TOKEN) -> int:
    """What the view says, without the middleware of a whole request: twenty thousand of those take long."""
    address = reverse("generations:fal_webhook", args=[token])
    request = RequestFactory().generic(
        sent.method, address, sent.body, content_type=sent.content_type, headers=sent.headers
    )
    return int(webhooks.fal_webhook(request, token).status_code)


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_there_are_twenty_five_kinds_of_forgery_and_the_original_is_good(
    keys: Keys, target: Generation
) -> None:
    assert len(FORGERIES) == 25
    assert answer(genuine(keys.signing)) == 200
    assert Generation.objects.get(pk=target.pk).state == State.STORING


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_over_the_whole_stack_is_refused(keys: Keys, target: Generation, kind: str) -> None:
    sent, before = FORGERIES[kind](genuine(keys.signing), keys.signing, 1), traces()
    response = Client(enforce_csrf_checks=True).generic(
        sent.method,
        reverse("generations:fal_webhook", args=[TOKEN]),
        sent.body,
        content_type=sent.content_type,
        headers=sent.headers,
    )
    assert response.status_code in (400, 401)
    assert not response.cookies
    assert traces() == before


def test_twenty_thousand_forgeries_leave_no_trace_and_no_memory(keys: Keys, target: Generation) -> None:
    assert answer(replace(genuine(keys.signing), body=b"{}")) == 401  # the keys are known from here on
    before, statuses, asked = traces(), set(), keys.asked
    warm = resident()
    with CaptureQueriesContext(connection) as captured:
        for mutate in FORGERIES.values():
            for number in range(EACH):
                statuses.add(answer(mutate(genuine(keys.signing, number), keys.signing, number)))
    assert statuses <= {400, 401}
    assert len(captured) == 0
    assert traces() == before
    assert keys.asked == asked  # however many come, fal is asked at most once a minute
    if Path("/proc/self/statm").exists():
        assert resident() - warm < 50 * MIB


@pytest.mark.parametrize("length", [None, "", "x", "-1", "262145", "999999999999"])
def test_a_body_without_an_honest_length_is_refused_unread(
    keys: Keys, target: Generation, length: str | None
) -> None:
    class Untouchable(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    sent = genuine(keys.signing)
    request = RequestFactory().post("/", b"{}", content_type="application/json", headers=sent.headers)
    request.META["wsgi.input"] = request._stream = Untouchable()  # what a server hands over
    request.META.pop("CONTENT_LENGTH", None)
    if length is not None:
        request.META["CONTENT_LENGTH"] = length
    assert webhooks.fal_webhook(request, TOKEN).status_code in (411, 413)


@pytest.mark.parametrize(
    "path", ["webhooks/fal/{}", "webhooks/fal/{}//", "WEBHOOKS/fal/{}/", "webhooks/fal//"]
)
def test_no_neighbouring_address_answers_with_a_redirect_that_would_lose_a_delivery(
    keys: Keys, target: Generation, settings: Any, path: str
) -> None:
    """Only the exact address is ever handed out; and that never redirects, with or without TLS before us."""
    settings.SECURE_SSL_REDIRECT = True
    sent = genuine(keys.signing)
    exact = Client().post(
        reverse("generations:fal_webhook", args=[TOKEN]),
        sent.body,
        content_type=sent.content_type,
        headers=sent.headers,
    )
    assert exact.status_code == 200
    other = Client().post("/" + path.format(TOKEN), sent.body, content_type=sent.content_type)
    assert other.status_code not in (200, 201, 204)


# ── W2, W5: any number, order and time of genuine deliveries ────────────────────────────────────


@pytest.mark.both_databases
@pytest.mark.parametrize("copies", [2, 5])
def test_copies_have_the_effect_of_one(keys: Keys, target: Generation, copies: int) -> None:
    sent = genuine(keys.signing)
    assert [answer(sent) for _ in range(copies)] == [200] * copies
    assert Delivery.objects.count() == 1
    assert StateChange.objects.filter(after="storing").count() == 1


@pytest.mark.both_databases
def test_a_late_signature_only_asks_for_a_look(keys: Keys, target: Generation) -> None:
    assert answer(genuine(keys.signing, age=3600)) == 200
    generation = Generation.objects.get(pk=target.pk)
    assert generation.state == State.SUBMITTED
    assert not generation.is_asleep
    assert Delivery.objects.get().stale


@pytest.mark.both_databases
def test_a_delivery_to_another_attempts_address_is_refused(
    keys: Keys, target: Generation, world: World
) -> None:
    waiting_for(world, "o" * 43, "another")
    before = traces()
    assert answer(genuine(keys.signing), token="o" * 43) == 409
    assert answer(genuine(keys.signing), token="n" * 43) == 404
    assert traces() == before


# ── Keys: rotation, and a key set that cannot be had ────────────────────────────────────────────


def aged(seconds: float) -> None:
    """The process has had its keys for so long."""
    held = webhooks.keys()
    held.fetched_at -= seconds
    held.asked_at -= seconds


def test_a_new_key_is_believed_once_it_is_published(keys: Keys, target: Generation) -> None:
    assert answer(genuine(keys.signing)) == 200
    fresh = Ed25519PrivateKey.generate()
    keys.publish(keys.signing, fresh)
    assert answer(genuine(fresh, 1)) == 401  # asked within the minute: fal sends it again
    aged(key_module.REFETCH_SECONDS)
    assert [answer(genuine(fresh, 1)), answer(genuine(keys.signing, 2))] == [200, 200]


def test_a_withdrawn_key_is_not_believed_after_a_day(keys: Keys, target: Generation) -> None:
    assert answer(genuine(keys.signing)) == 200
    keys.publish(Ed25519PrivateKey.generate())
    aged(key_module.FRESH_SECONDS + 1)
    assert answer(genuine(keys.signing, 1)) == 401


BROKEN = {
    "an error": (503, b""),
    "no json": (200, b"<html>"),
    "no keys": (200, b'{"keys": []}'),
    "another kind of key": (200, b'{"keys": [{"kty": "RSA", "n": "AQAB"}]}'),
    "too much": (200, b" " * (key_module.SIZE_CAP + 1)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_key_set_that_cannot_be_had_is_survived_for_a_week(
    keys: Keys, target: Generation, what: str
) -> None:
    assert answer(genuine(keys.signing)) == 200
    keys.answer = BROKEN[what]
    aged(key_module.FRESH_SECONDS + 1)
    assert answer(genuine(keys.signing, 1)) == 200
    aged(key_module.STALE_SECONDS)
    assert answer(genuine(keys.signing, 2)) == 503


def test_a_thousand_keys_are_read_within_bounds(keys: Keys, target: Generation) -> None:
    many = [Ed25519PrivateKey.generate() for _ in range(60)]
    keys.publish(keys.signing, *many)
    assert answer(genuine(keys.signing)) == 200
    assert len(webhooks.keys().keys) <= 50


def test_nobody_waits_while_somebody_asks_a_dead_server(keys: Keys, target: Generation) -> None:
    assert answer(genuine(keys.signing)) == 200
    aged(key_module.FRESH_SECONDS + 1)
    held = webhooks.keys()
    with held._lock:  # as while another thread waits for an answer
        started = time.monotonic()
        assert answer(genuine(keys.signing, 1)) == 200
        assert time.monotonic() - started < 2
