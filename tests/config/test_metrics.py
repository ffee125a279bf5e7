"""What Prometheus reads: guarded by a token, true, complete while parts are away, and cheap."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Wallet
from config import metrics
from generations import doorbell, orders, tally
from generations.models import Breaker, Delivery, Generation, Heartbeat, State
from generations.timing import now
from tests.generations import plenty
from tests.generations.ageing import place
from tests.world import World, order

TOKEN = "only-for-those-who-scrape"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture
def empty_tally() -> None:
    tally.flush()
    doorbell.redis().delete(tally.KEY)


def scrape(**labels: str) -> dict[str, float]:
    """Every figure by its name, with its labels behind it."""
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        "/".join([sample.name.removeprefix("dailies_"), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_without_a_token_in_the_environment_there_are_no_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_nothing_but_the_token_opens_them(client: Client, shown: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": shown})
    assert (answer.status_code, b"dailies" in answer.content) == (401, False)


def test_a_session_of_staff_opens_nothing(world: World, client_of: Any) -> None:
    type(world.alice.user).objects.update(is_staff=True, is_superuser=True)
    assert client_of("alice").get("/metrics").status_code == 401


@pytest.mark.both_databases
def test_open_rows_the_line_and_the_places_are_counted(world: World) -> None:
    waits, turned, sent = place(world), place(world), place(world)
    Generation.objects.filter(pk=turned.pk).update(turn_at=now())
    assert sent.claim(State.SUBMITTING, seconds=60, cause="test")
    read = scrape()
    assert (read["generations_open/queued"], read["generations_open/submitting"]) == (2, 1)
    assert (read["line_length"], read["places_out"], read["due"]) == (1, 2, 1)
    assert (read["places_set"], read["places_most"]) == (40, 40)
    assert (read["past_deadline"], waits.state) == (0, "queued")


@pytest.mark.both_databases
def test_what_is_due_and_late_is_seen_although_somebody_was_just_asked(world: World) -> None:
    late = place(world)
    moment = now()
    Generation.objects.filter(pk=late.pk).update(
        wake_at=moment - timedelta(seconds=100), deadline_at=moment - timedelta(seconds=1), poked_at=moment
    )
    read = scrape()
    assert 100 <= read["oldest_due_seconds"] < 130
    assert read["past_deadline"] == 1


def test_deliveries_that_wait_have_an_age(world: World) -> None:
    generation = place(world)
    attempt = generation.attempts.create(number=1, token_hash="x", state="rejected")
    Delivery.objects.create(attempt=attempt, digest="d", request_id="r", status="OK", body={})
    Delivery.objects.update(received_at=now() - timedelta(seconds=70))
    read = scrape()
    assert read["deliveries_waiting"] == 1
    assert 70 <= read["oldest_delivery_seconds"] < 100


@pytest.mark.both_databases
def test_lost_answers_failures_and_gifts_of_the_last_hour_and_day(world: World) -> None:
    first, second = place(world), place(world)
    for each in (first, second):
        assert each.claim(State.SUBMITTING, seconds=60, cause="test")
    assert first.move(State.AMBIGUOUS, cause="test", wake_at=now())
    assert first.finish(State.FAILED, cause="unconfirmed", reason="unconfirmed")
    read = scrape()
    assert (read["ambiguous_ratio"], read["submits_hour"]) == (0.5, 2)
    assert (read["failures/hour/unconfirmed"], read["failures/day/unconfirmed"]) == (1, 1)
    assert read["late_gifts/day"] == 0


@pytest.mark.both_databases
@pytest.mark.breaks_invariants
@pytest.mark.parametrize("column", ["posted", "held"])
def test_a_wallet_that_differs_from_its_ledger_shows(world: World, wallet: Wallet, column: str) -> None:
    place(world)
    assert {scrape()[f"ledger_drift_credits/{each}"] for each in ("posted", "held")} == {0}
    Wallet.objects.filter(pk=wallet.pk).update(**{column: F(column) + 7})
    assert scrape()[f"ledger_drift_credits/{column}"] == 7


def test_the_breaker_shows_its_state_and_since_when() -> None:
    assert scrape()["breaker/closed"] == 1
    Breaker.bad("locked: exhausted balance", paid=True, at_once=True)
    Breaker.objects.update(opened_at=now() - timedelta(seconds=90), places=3, narrowed_at=now())
    read = scrape()
    assert (read["breaker/open"], read["breaker/closed"], read["places_most"]) == (1, 0, 3)
    assert 90 <= read["breaker_open_seconds"] < 120


def test_a_reconciler_that_never_beat_is_infinitely_old() -> None:
    assert scrape()["reconciler_heartbeat_seconds"] == float("inf")
    Heartbeat.beat("reconciler")
    read = scrape()
    assert read["reconciler_heartbeat_seconds"] < 10
    assert read["storage_free_bytes"] > 0


@pytest.mark.redis
@pytest.mark.usefixtures("empty_tally")
def test_refused_webhooks_are_counted_by_reason_and_run_no_sql(
    settings: Any, django_assert_num_queries: Any
) -> None:
    address = reverse("generations:fal_webhook", args=["t" * 43])
    settings.FAL_WEBHOOK_USER_ID = "us"
    stamp = str(int(now().timestamp()))
    headers = {"Timestamp": stamp, "Request-Id": "r", "User-Id": "them", "Signature": "0" * 128}
    foreign = {f"X-Fal-Webhook-{name}": value for name, value in headers.items()}
    with django_assert_num_queries(0):
        for given in ({}, {}, foreign):
            Client().post(address, b"{}", content_type="application/json", headers=given)
    read = scrape()
    assert read["webhooks_refused_total/signature headers"] == 2
    assert read["webhooks_refused_total/another account"] == 1


@pytest.mark.redis
@pytest.mark.usefixtures("empty_tally")
def test_an_error_of_ours_is_an_alarm_and_one_is_there_before_it_rings() -> None:
    assert scrape()["errors_total/duplicate_submission"] == 0
    orders.logger.error("generation=%s event=duplicate_submission fal_requests=%s", "g", ["a", "b"])
    assert scrape()["errors_total/duplicate_submission"] == 1


@pytest.mark.redis
@pytest.mark.usefixtures("empty_tally")
def test_a_flood_of_forgeries_is_few_commands_and_all_are_counted() -> None:
    before = doorbell.redis().info("commandstats").get("cmdstat_hincrby", {}).get("calls", 0)
    for _ in range(1000):
        tally.count(tally.REFUSED, "signature")
    after = doorbell.redis().info("commandstats").get("cmdstat_hincrby", {}).get("calls", 0)
    assert after - before < 20
    assert scrape()["webhooks_refused_total/signature"] == 1000


@pytest.mark.redis
@pytest.mark.usefixtures("empty_tally")
def test_without_redis_the_rest_is_still_told_and_counts_are_kept(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    doorbell.redis.cache_clear()
    try:
        tally.count(tally.REFUSED, "signature")
        read = scrape()
    finally:
        settings.REDIS_URL = os.environ["REDIS_URL"]
        doorbell.redis.cache_clear()
    assert scrape()["webhooks_refused_total/signature"] == 1
    assert (read["redis_up"], read["line_length"]) == (0, 0)
    assert not any(name.startswith(("webhooks_refused", "jobs_waiting")) for name in read)


def test_a_part_that_cannot_be_read_is_left_out_and_counted(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE generations_breaker RENAME TO generations_broken")
    try:
        read = scrape()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE generations_broken RENAME TO generations_breaker")
    assert read["scrape_errors"] == 1
    assert ("breaker/open" in read, "line_length" in read) == (False, True)


def test_the_number_of_statements_does_not_grow(world: World, django_assert_max_num_queries: Any) -> None:
    orders.place(world.alice, order(world.alice, takes=4))
    with django_assert_max_num_queries(20):
        scrape()


@pytest.mark.postgres
def test_no_statement_reads_a_whole_table_that_grows(world: World) -> None:
    plenty.load(10_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        scrape()
    plans = []
    with connection.cursor() as cursor:
        for sql in (each["sql"] for each in asked.captured_queries if "generations_" in each["sql"]):
            cursor.execute(f"EXPLAIN {sql}")
            plans += [line for (line,) in cursor.fetchall()]
    assert any("generation_due" in line for line in plans)
    growing = ("generation", "statechange", "attempt", "delivery")
    assert [line for line in plans for name in growing if f"Seq Scan on generations_{name}" in line] == []


def test_every_figure_has_words_about_it_and_a_line_in_the_handbook() -> None:
    handbook = (Path(__file__).resolve().parents[2] / "docs/operating.md").read_text()
    for part in metrics.PARTS:
        for family in part():
            assert family.documentation
            # As it is scraped, or an alarm that somebody copies from there never rings.
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert f"`{name}`" in handbook
