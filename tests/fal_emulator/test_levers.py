"""The levers of the control surface: keys, accounts, webhooks and outages in the hands of a drill."""

import base64
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_emulator.server import Emulator, serve

from .conftest import KEY, PLAIN, SPEED, Fal, Sink, anyone, wait_until
from .test_webhooks import is_genuine


def pull(emulator: Emulator, name: str, **wish: Any) -> httpx.Response:
    return anyone.post(f"{emulator.control_url}/_emulator/{name}", json=wish, timeout=20)


def published(fal: Fal) -> list[Any]:
    keys: list[Any] = fal.client.get("/.well-known/jwks.json").json()["keys"]
    return keys


def ended(emulator: Emulator, fal: Fal, sink: Sink, prompt: str = "A cat") -> str:
    """A request that has ended and been told of."""
    job = fal.submit(prompt, webhook=sink.url)
    wait_until(lambda: sink.of(job["request_id"]))
    wait_until(lambda: emulator.oracle()[-1]["delivered"])
    return str(job["request_id"])


def test_a_rotated_key_signs_while_the_old_one_is_still_published(
    emulator: Emulator, fal: Fal, sink: Sink
) -> None:
    known = ended(emulator, fal, sink)
    [old] = published(fal)
    assert pull(emulator, "keys", rotate=True).status_code == 200
    emulator.deliver(known)
    assert published(fal)[0] == old
    assert len(published(fal)) == 2
    assert all(is_genuine(one, fal) for one in sink.arrivals)
    emulator.retire_keys()
    assert [is_genuine(one, fal) for one in sink.arrivals] == [False, True]


def test_an_old_key_leaves_after_its_time_and_stays_away_after_a_restart(tmp_path: Path) -> None:
    with serve(data=tmp_path, speed=SPEED) as emulator:
        emulator.rotate_keys()
        emulator.rotate_keys(old_for=20)
        keys = anyone.get(f"{emulator.url}/.well-known/jwks.json").json()["keys"]
        assert len(keys) == 3
        wait_until(lambda: len(anyone.get(f"{emulator.url}/.well-known/jwks.json").json()["keys"]) == 1)
    with serve(data=tmp_path, speed=SPEED) as emulator:
        assert anyone.get(f"{emulator.url}/.well-known/jwks.json").json()["keys"] == keys[2:]


def test_a_key_set_can_be_dead_or_hang(emulator: Emulator, fal: Fal) -> None:
    emulator.serve_keys("503")
    assert fal.client.get("/.well-known/jwks.json").status_code == 503
    emulator.serve_keys("stall")
    with pytest.raises(httpx.ReadTimeout):
        fal.client.get("/.well-known/jwks.json", timeout=0.2)
    emulator.serve_keys()
    assert len(published(fal)) == 1


def test_a_key_set_can_be_malformed_of_the_wrong_kind_or_crowded(emulator: Emulator, fal: Fal) -> None:
    [good] = published(fal)
    assert pull(emulator, "keys", serve="wrong_kty").json()["serve"] == "wrong_kty"
    assert [(key["kty"], key["x"]) for key in published(fal)] == [("EC", good["x"])]
    pull(emulator, "keys", serve="malformed")
    assert good not in published(fal)
    pull(emulator, "keys", serve="thousand")
    crowd = published(fal)
    assert (len({key["x"] for key in crowd}), crowd[-1]) == (1000, good)
    assert all(len(base64.urlsafe_b64decode(key["x"] + "=")) == 32 for key in crowd)


def test_another_account_can_be_made_to_sign(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    emulator.sign_as("somebody-else")
    fal.submit("A cat", webhook=sink.url)
    [arrival] = sink.wait(1)
    assert arrival.headers["x-fal-webhook-user-id"] == "somebody-else"
    assert is_genuine(arrival, fal)


def test_a_webhook_can_be_sent_again_in_every_disguise(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    known = ended(emulator, fal, sink)
    elsewhere = sink.url + "/another-token"
    answer = pull(emulator, f"requests/{known}/deliver", times=3, age=600, url=elsewhere, user_id="else")
    assert answer.json() == {"status_codes": [200, 200, 200]}
    first, *again = sink.wait(4)
    assert all(one.raw == first.raw for one in again)
    assert {one.headers["x-fal-webhook-user-id"] for one in again} == {"else"}
    assert all(abs(time.time() - 600 - int(one.headers["x-fal-webhook-timestamp"])) < 5 for one in again)
    assert [one["url"] for one in emulator.deliveries()[1:]] == [elsewhere] * 3
    assert emulator.oracle()[0]["delivered"] == 1  # what a lever sends is no news


def test_a_webhook_can_claim_what_is_not_true(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    good, bad = ended(emulator, fal, sink), ended(emulator, fal, sink, "A cat [fail]")
    emulator.deliver(good, status="ERROR")
    emulator.deliver(bad, status="OK")
    assert sink.of(good)[-1].body["status"] == "ERROR"
    lie = sink.of(bad)[-1]
    assert lie.body["status"] == "OK"
    assert anyone.get(lie.body["payload"]["video"]["url"]).status_code == 404
    assert is_genuine(lie, fal)


def test_an_open_request_can_only_be_lied_about(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    job = fal.submit("A cat [never]", webhook=sink.url)
    path = f"requests/{job['request_id']}/deliver"
    assert pull(emulator, path).status_code == 422
    assert pull(emulator, path, **{"as": "ERROR"}).json() == {"status_codes": [200]}


def test_a_webhook_can_come_several_times_at_once(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    known = ended(emulator, fal, sink)
    sink.pause = 0.3
    started = time.monotonic()
    assert emulator.deliver(known, times=5, together=True) == [200] * 5
    assert time.monotonic() - started < 1.2


def test_a_webhook_can_be_long(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    known = ended(emulator, fal, sink)
    emulator.deliver(known, padding=300_000)
    assert len(sink.arrivals[-1].raw) > 300_000
    assert is_genuine(sink.arrivals[-1], fal)


def test_a_webhook_can_come_without_a_length(emulator: Emulator, fal: Fal, sink: Sink) -> None:
    known = ended(emulator, fal, sink)
    assert emulator.deliver(known, chunked=True) == [411]
    assert sink.arrivals[-1].headers["transfer-encoding"] == "chunked"


def test_dropped_webhooks_never_come_not_even_after_a_restart(tmp_path: Path, sink: Sink) -> None:
    with (
        serve(data=tmp_path, speed=SPEED) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, timeout=20, verify=PLAIN) as client,
    ):
        assert pull(emulator, "webhooks", dropped=True).json() == {"dropped": True}
        Fal(client).result(Fal(client).submit("A cat", webhook=sink.url))
        emulator.drop_webhooks(False)
        Fal(client).submit("A dog", webhook=sink.url)
        sink.wait(1)
        wait_until(lambda: emulator.oracle()[1]["delivered"])
    with serve(data=tmp_path, speed=SPEED):
        time.sleep(0.2)
    assert len(sink.arrivals) == 1


@pytest.mark.parametrize(("kind", "status"), [("503", 503), ("401", 401), ("403", 403), ("html", 200)])
def test_an_outage_can_speak(emulator: Emulator, fal: Fal, kind: str, status: int) -> None:
    assert pull(emulator, "outage", down=True, **{"as": kind}).json() == {"down": True, "as": kind}
    assert fal.post("A cat").status_code == status
    emulator.go_down(False)
    assert emulator.journal() == []
    assert fal.post("A cat [never]").status_code == 200


def test_an_outage_can_reset_every_connection(emulator: Emulator, fal: Fal) -> None:
    emulator.go_down(kind="rst")
    with pytest.raises(httpx.ReadError):
        fal.post("A cat")
    emulator.go_down(False)
    assert emulator.journal() == []


def test_an_outage_can_refuse_connections(emulator: Emulator, fal: Fal) -> None:
    emulator.go_down(kind="refused")
    with pytest.raises(httpx.ConnectError):
        fal.post("A cat")
    emulator.go_down(False)
    assert fal.post("A cat [never]").status_code == 200


def test_a_second_port_brings_a_refusing_server_back(tmp_path: Path) -> None:
    with (
        serve(data=tmp_path, speed=SPEED, control_port=0) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, verify=PLAIN) as client,
    ):
        assert emulator.control_url != emulator.url
        pull(emulator, "outage", down=True, **{"as": "refused"})
        with pytest.raises(httpx.ConnectError):
            Fal(client).post("A cat")
        pull(emulator, "outage", down=False)
        assert Fal(client).post("A cat [never]").status_code == 200


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("account", {}),
        ("account", {"unlocked": True}),
        ("outage", {"down": True, "as": "no such kind"}),
        ("outage", {"kind": "503"}),
        ("webhooks", {}),
        ("keys", {"serve": "no such manner"}),
        ("faults", {"submit": {"no such kind": 0.1}}),
    ],
)
def test_a_lever_that_is_pulled_wrongly_says_so(emulator: Emulator, name: str, wish: Any) -> None:
    answer = pull(emulator, name, **wish)
    assert answer.status_code == 422
    assert answer.json()["detail"]
