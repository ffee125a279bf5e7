"""What a submit's answer proves. Each peer is a real socket that behaves as badly as its row says."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from generations.fal.client import JSON_CAP, Account, Fal
from generations.fal.failures import Reason, read_failure
from generations.fal.replies import Accepted, Ambiguous, NotAccepted, Refusal, Unavailable


@contextmanager
def peer(answer: bytes | None, *, drip: float = 0, heard: list[bytes] | None = None) -> Iterator[str]:
    """A server that reads a request, says `answer` (None: nothing, and hangs up) and goes."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = _read_request(connection)
                if heard is not None:
                    heard.append(request)
                _say(connection, (answer or b"").replace(b"URL", url.encode()), drip, stop)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _say(connection: socket.socket, answer: bytes, drip: float, stop: threading.Event) -> None:
    try:
        if not drip:
            connection.sendall(answer)
            return
        for byte in answer:
            connection.sendall(bytes([byte]))
            if stop.wait(drip):
                return
    except OSError:
        return


def answer(status: int, body: Any = "", **headers: str) -> bytes:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "Connection: close"]
    if b"URL" not in content:  # the peer puts its own address in, which changes the length
        lines.append(f"Content-Length: {len(content)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def fal_at(url: str, patience: float = 40) -> Fal:
    hosts = frozenset({url.removeprefix("http://")})
    return Fal(
        Account(
            key="id:secret",
            queue_url=url,
            rest_url=url,
            api_url=f"{url}/v1",
            media_hosts=hosts,
            start_deadline=3600,
            keep_seconds=3600,
            patience=patience,
            before=lambda: None,
        )
    )


def submit(url: str, patience: float = 40) -> Any:
    return fal_at(url, patience).submit(
        "fal-ai/veo3.1/lite", {"prompt": "waves"}, "https://example.com/hook/"
    )


GOOD = {
    "request_id": "r1",
    "status_url": "URL/fal-ai/veo3.1/requests/r1/status",
    "response_url": "URL/fal-ai/veo3.1/requests/r1",
    "cancel_url": "URL/fal-ai/veo3.1/requests/r1/cancel",
    "queue_position": 3,
    "a_new_field": {"kept": True},
}


def test_a_complete_answer_is_an_acceptance_and_unknown_fields_are_kept() -> None:
    with peer(answer(200, GOOD)) as url:
        outcome = submit(url)
    assert isinstance(outcome, Accepted)
    assert (outcome.request_id, outcome.queue_position) == ("r1", 3)
    assert outcome.raw["a_new_field"] == {"kept": True}


def test_a_submit_says_who_we_are_where_to_call_and_when_to_give_up() -> None:
    heard: list[bytes] = []
    with peer(answer(200, GOOD), heard=heard) as url:
        submit(url)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0].startswith("post /fal-ai/veo3.1/lite?fal_webhook=https%3a%2f%2fexample.com%2fhook%2f ")
    assert "authorization: key id:secret" in lines
    assert "x-fal-request-timeout: 3600" in lines
    assert 'x-fal-object-lifecycle-preference: {"expiration_duration_seconds": 3600}' in lines
    assert json.loads(body) == {"prompt": "waves"}


AMBIGUOUS = {
    "nothing": None,
    "half a header": b"HTTP/1.1 200",
    "html": answer(200, "<html>"),
    "empty": answer(200),
    "a list": answer(200, []),
    "no id": answer(200, {"status": "IN_QUEUE"}),
    "an id that is a number": answer(200, GOOD | {"request_id": 7}),
    "a foreign status host": answer(200, GOOD | {"status_url": "https://evil.example/s"}),
    "more than 1 MiB": answer(200, "x" * (JSON_CAP + 1)),
    "500 in fal's shape": answer(500, {"detail": "oops"}),
    "502": answer(502, "<html>"),
    "503": answer(503, {"detail": "busy", "error_type": "runner_scheduling_failure"}),
    "504": answer(504, ""),
    "a redirect": answer(302, "", Location="https://evil.example/"),
    "408": answer(408, {"detail": "slow"}),
    "409": answer(409, {"detail": "twice"}),
    "a proxy's 403": answer(403, "<html>blocked</html>"),
    "a proxy's 404": answer(404, {"message": "no route"}),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_proves_nothing_is_ambiguous(what: str) -> None:
    with peer(AMBIGUOUS[what]) as url:
        assert isinstance(submit(url), Ambiguous)


REFUSALS = {
    "422": (
        answer(422, {"detail": [{"loc": ["body", "prompt"], "msg": "m", "type": "missing"}]}),
        Refusal.REFUSED,
    ),
    "400": (answer(400, {"detail": "bad"}), Refusal.REFUSED),
    "404": (answer(404, {"detail": "Application not found"}), Refusal.REFUSED),
    "413": (answer(413, {"detail": "too large"}), Refusal.REFUSED),
    "401": (answer(401, {"detail": "No user"}), Refusal.LOCKED),
    "403": (answer(403, {"detail": "User is locked. Reason: Exhausted balance"}), Refusal.LOCKED),
    "429": (answer(429, {"detail": "slow down"}, Retry_After="7"), Refusal.BUSY),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_fals_own_refusal_proves_that_it_was_not_accepted(status: str) -> None:
    said, refusal = REFUSALS[status]
    with peer(said) as url:
        outcome = submit(url)
    assert isinstance(outcome, NotAccepted)
    assert outcome.refusal == refusal
    assert outcome.retry_after == (7 if status == "429" else None)


def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = submit(f"http://127.0.0.1:{port}")
    assert outcome == NotAccepted(Refusal.UNREACHABLE, raw={"error": "ConnectError"})


def test_a_dripping_answer_is_cut_off_and_ambiguous() -> None:
    with peer(answer(200, GOOD), drip=0.05) as url:
        assert isinstance(submit(url, patience=0.5), Ambiguous)


def test_our_key_goes_to_no_other_host() -> None:
    with peer(answer(200, {})) as url, pytest.raises(Unavailable, match="foreign"):
        fal_at(url).status("http://127.0.0.1:9/requests/r1/status")


def test_an_upload_goes_only_to_listed_hosts() -> None:
    target = {"upload_url": "http://evil.example/put", "file_url": "http://evil.example/f"}
    with peer(answer(200, target)) as url, pytest.raises(Unavailable, match="foreign"):
        fal_at(url).upload(b"x", content_type="image/jpeg", name="x.jpg")


def test_the_key_is_in_no_representation() -> None:
    assert "secret" not in repr(fal_at("http://127.0.0.1:9").account)


@pytest.mark.parametrize(
    ("http", "body", "reason", "field"),
    [
        (
            422,
            {"detail": [{"loc": ["body", "image_urls", 0], "type": "image_too_large"}]},
            Reason.BAD_INPUT,
            "image_urls",
        ),
        (
            422,
            {"detail": [{"loc": ["body"], "type": "content_policy_violation"}]},
            Reason.CONTENT_POLICY,
            "body",
        ),
        (500, {"detail": "x", "error_type": "runner_server_error"}, Reason.PROVIDER_FAULT, ""),
        (504, {"detail": "x"}, Reason.TIMEOUT, ""),
        (422, {"detail": [{"loc": ["body", "x"], "type": "a_word_of_tomorrow"}]}, Reason.BAD_INPUT, "x"),
        (599, ["what"], Reason.PROVIDER_FAULT, ""),
        (499, {"error_type": "client_cancelled"}, Reason.CANCELLED, ""),
    ],
)
def test_an_error_of_any_shape_becomes_a_reason(http: int, body: Any, reason: Reason, field: str) -> None:
    failure = read_failure(http, body)
    assert (failure.reason, failure.field) == (reason, field)


def test_what_fal_echoes_of_the_input_is_not_kept() -> None:
    failure = read_failure(
        422, {"detail": [{"loc": ["body", "p"], "type": "missing", "input": "a private prompt"}]}
    )
    assert "private" not in str(failure.raw)
