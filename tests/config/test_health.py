"""What load balancers and the demo ask: open to all, precise in words, silent about details."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from generations.media import vault
from generations.models import Breaker, Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def beating() -> None:
    Heartbeat.beat("reconciler")


def test_healthz_is_the_process_alone(client: Client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.redis
@pytest.mark.both_databases
@pytest.mark.usefixtures("beating")
def test_readyz_is_ready_when_everything_answers(client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "database": "ok",
        "migrations": "ok",
        "disk": "ok",
        "redis": "ok",
        "reconciler": "ok",
        "fal": "ok",
    }


def test_a_silent_reconciler_degrades_but_serves(client: Client):
    Heartbeat.objects.create(name="reconciler", seen_at=timezone.now() - timedelta(seconds=31))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["reconciler"] == "degraded"
    assert answer.json()["status"] == "degraded"


@pytest.mark.usefixtures("beating")
def test_a_fal_that_refuses_us_degrades_but_serves(client: Client):
    Breaker.bad("locked", paid=True, at_once=True)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["fal"], answer.json()["status"]) == (
        200,
        "degraded",
        "degraded",
    )


@pytest.mark.usefixtures("beating")
@override_settings(REDIS_URL="redis://127.0.0.1:9/0")
def test_redis_down_degrades_but_serves(client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["redis"] == "degraded"


@pytest.mark.usefixtures("beating")
def test_a_full_disk_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vault, "DISK_FLOOR", 10**18)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["disk"] == "down"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_never_redirected_and_never_cached(client: Client, path: str):
    with override_settings(SECURE_SSL_REDIRECT=True):
        answer = client.get(path)
    assert answer.status_code in (200, 503)
    assert "no-store" in answer["Cache-Control"]


def test_probes_only_read(client: Client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405
