"""Webhooks to other programs: signed as the public library wants it, and sent until they are taken."""

import json
import re
import socket
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from accounts import webhooks
from accounts.models import AuditEvent, Notification, WebhookAttempt, WebhookEndpoint, WebhookMessage
from accounts.webhooks.delivery import LEASE, SCHEDULE
from tests.accounts.receiver import Receiver, passes, receiving, send
from tests.accounts.test_races import at_once
from tests.world import World

pytestmark = pytest.mark.both_databases

DONE = "generation.succeeded"
LONG = timedelta(days=2)


@pytest.fixture
def lasting(transactional_db: None, settings: Any) -> World:
    """Committed rows, because nothing is posted inside a transaction; and receivers on this machine."""
    settings.WEBHOOKS_INSIDE = True
    return World.make()


@pytest.fixture
def program() -> Any:
    with receiving() as made:
        yield made


@pytest.fixture
def endpoint(lasting: World, program: Receiver) -> WebhookEndpoint:
    return webhooks.add(lasting.alice, f"{program.url}/hook?token=s3cret", [])


def tell(endpoint: WebhookEndpoint, kind: str = DONE, **data: Any) -> WebhookMessage:
    assert webhooks.tell(endpoint.workspace_id, kind, lambda: {"id": "42", **data})
    return WebhookMessage.objects.order_by("-created_at")[0]


def test_a_message_arrives_signed_as_the_public_library_wants_it(endpoint: Any, program: Any) -> None:
    message = tell(endpoint, words="Ünïcode “quotes” \u2028 and 🎬")
    assert send() == 1
    said = program.verified(endpoint.secret)
    assert said["type"] == DONE
    assert said["data"] == {"id": "42", "words": "Ünïcode “quotes” \u2028 and 🎬"}
    assert said["timestamp"] == message.body["timestamp"]
    headers, body = program.arrived[0]
    assert headers["webhook-id"] == str(message.pk)
    assert headers["content-type"] == "application/json"
    assert body == json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    message.refresh_from_db()
    assert (message.standing, message.tries) == ("delivered", 1)
    assert send() == 0


def test_the_example_without_a_package_works_as_it_stands_in_the_docs(endpoint: Any, program: Any) -> None:
    blocks = re.findall(r"<code>(.*?)</code>", render_to_string("api/_webhooks.html"), re.DOTALL)
    (example,) = [unescape(block) for block in blocks if "def is_ours" in block]
    pasted: dict[str, Any] = {}
    exec(example, pasted)
    tell(endpoint)
    send()
    headers, body = program.arrived[0]
    assert pasted["is_ours"](endpoint.secret, headers, body)
    assert not pasted["is_ours"](endpoint.secret, headers, body + b" ")
    for moment in ("1767225600", "", "soon", "-1", "²", "9" * 5000):
        assert not pasted["is_ours"](endpoint.secret, headers | {"webhook-timestamp": moment}, body)
    for missing in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        rest = {name: value for name, value in headers.items() if name != missing}
        assert not pasted["is_ours"](endpoint.secret, rest, body)
    assert not pasted["is_ours"](endpoint.secret, headers | {"webhook-signature": "v1,é"}, body)


@pytest.mark.parametrize("change", ["body", "id", "secret"])
def test_what_is_changed_on_the_way_does_not_verify(endpoint: Any, program: Any, change: str) -> None:
    tell(endpoint)
    send()
    headers, body = program.arrived[0]
    if change == "body":
        program.arrived[0] = (headers, body.replace(b"42", b"43"))
    if change == "id":
        headers["webhook-id"] = str(uuid.uuid4())
    secret = "whsec_" + "A" * 44 if change == "secret" else endpoint.secret
    with pytest.raises(WebhookVerificationError):
        program.verified(secret)


def test_it_is_sent_again_under_the_same_id_until_it_is_taken(endpoint: Any, program: Any) -> None:
    program.statuses = [500, 302, 404]
    message = tell(endpoint)
    for _ in range(4):
        assert send() == 1
        assert send() == 0  # not before its time
        passes(timedelta(hours=1))
    assert send() == 0
    assert {headers["webhook-id"] for headers, _ in program.arrived} == {str(message.pk)}
    assert len({body for _, body in program.arrived}) == 1
    assert [each.status for each in message.attempts.all()] == [500, 302, 404, 200]
    message.refresh_from_db()
    assert message.standing == "delivered"
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_after_the_whole_schedule_it_is_given_up_and_the_endpoint_stays(endpoint: Any, program: Any) -> None:
    program.statuses = [503] * 20
    message = tell(endpoint)
    for number, seconds in enumerate(SCHEDULE, start=1):
        assert send() == 1
        message.refresh_from_db()
        assert (message.tries, message.standing) == (number, "waiting")
        assert message.wake_at
        wait = (message.wake_at - timezone.now()).total_seconds()
        assert 0.85 * seconds < wait < 1.25 * seconds
        WebhookMessage.objects.update(wake_at=timezone.now())
        WebhookEndpoint.objects.update(quiet_until=None)
    assert send() == 1
    message.refresh_from_db()
    assert message.standing == "given up"
    assert message.attempts.count() == len(SCHEDULE) + 1
    assert webhooks.tell(endpoint.workspace_id, DONE, dict) == 1


def test_an_endpoint_that_took_nothing_for_five_days_is_switched_off(
    lasting: World, endpoint: Any, program: Any
) -> None:
    program.statuses = [500] * 20
    tell(endpoint)
    for _ in range(3):
        send()
        passes(LONG)
    tell(endpoint)
    send(most=1)
    endpoint.refresh_from_db()
    assert endpoint.disabled_at
    assert not WebhookMessage.objects.filter(wake_at__isnull=False).exists()
    (line,) = Notification.objects.all()
    assert (line.user, line.workspace) == (lasting.alice.user, lasting.alice.workspace)
    assert "s3cret" not in line.text
    event = AuditEvent.objects.get(verb="webhook.disabled")
    assert event.actor is None
    assert webhooks.tell(endpoint.workspace_id, DONE, dict) == 0


def test_its_maker_has_left_so_the_owners_are_told(lasting: World, endpoint: Any, program: Any) -> None:
    WebhookEndpoint.objects.update(created_by=lasting.bob.user)  # a creator, who may not
    program.statuses = [410]
    tell(endpoint)
    send()
    assert [each.user for each in Notification.objects.all()] == [lasting.alice.user]


def test_gone_means_gone(endpoint: Any, program: Any) -> None:
    program.statuses = [410]
    first, second = tell(endpoint), tell(endpoint)
    assert send(most=1) == 1
    for each in (first, second):
        each.refresh_from_db()
        assert each.standing == "given up"
    endpoint.refresh_from_db()
    assert endpoint.disabled_at
    assert send() == 0
    assert Notification.objects.count() == 1


def test_a_success_in_between_begins_the_five_days_anew(endpoint: Any, program: Any) -> None:
    program.statuses = [500, 200, 500]
    for _ in range(3):
        tell(endpoint)
        send(most=1)
        passes(timedelta(days=3))
        send()
    endpoint.refresh_from_db()
    assert endpoint.disabled_at is None


@pytest.mark.parametrize("kind", [DONE, "generation.failed"])
def test_only_what_is_wanted_is_written(lasting: World, kind: str) -> None:
    webhooks.add(lasting.alice, "https://one.example/", [DONE])
    webhooks.add(lasting.alice, "https://all.example/", [])
    webhooks.disable(webhooks.add(lasting.alice, "https://off.example/", []), lasting.alice)
    webhooks.add(lasting.eve, "https://stranger.example/", [])
    webhooks.tell(lasting.alice.workspace.pk, kind, dict)
    told = set(WebhookMessage.objects.values_list("endpoint__url", flat=True))
    assert told == {"https://all.example/"} | ({"https://one.example/"} if kind == DONE else set())


def test_nobody_wants_to_know_costs_one_query_and_asks_for_no_data(lasting: World) -> None:
    def data() -> dict[str, Any]:
        raise AssertionError

    with CaptureQueriesContext(connection) as captured:
        assert webhooks.tell(lasting.alice.workspace.pk, DONE, data) == 0
    assert len(captured) == 1


def test_nothing_is_written_when_the_transaction_rolls_back(endpoint: Any) -> None:
    with transaction.atomic():
        tell(endpoint)
        transaction.set_rollback(True)
    assert not WebhookMessage.objects.exists()


def test_eight_workers_at_once_send_a_message_once(lasting: World, endpoint: Any, program: Any) -> None:
    program.pause = 0.2
    for _ in range(3):
        message = tell(endpoint)
        at_once([lambda key=message.pk: webhooks.deliver(key)] * 8, threads=8)  # type: ignore[misc]  # bound now
        assert message.attempts.count() == 1
    assert len(program.arrived) == 3


def test_replays_while_it_is_sent_do_not_send_it_twice_at_a_time(
    lasting: World, endpoint: Any, program: Any
) -> None:
    program.pause = 0.1
    message = tell(endpoint)

    def press() -> None:
        webhooks.replay(lasting.alice, message)
        webhooks.deliver(message.pk)

    at_once([press] * 24, threads=8)
    assert program.most_at_once == 1
    assert message.attempts.count() == len(program.arrived)


def test_a_worker_that_was_killed_in_between_is_followed_after_its_lease(endpoint: Any, program: Any) -> None:
    message = tell(endpoint)
    moment = timezone.now()
    WebhookMessage.objects.update(wake_at=moment + LEASE, lease_until=moment + LEASE, tries=1)
    assert send() == 0
    passes(LEASE)
    assert send() == 1
    message.refresh_from_db()
    assert (message.standing, message.tries) == ("delivered", 2)


def test_a_worker_that_lost_its_lease_changes_nothing(endpoint: Any, program: Any) -> None:
    message = tell(endpoint)

    def stolen(headers: Any, body: Any) -> int:
        WebhookMessage.objects.update(lease_until=timezone.now() + LONG)
        connection.close()
        return 500

    program.take = stolen
    webhooks.deliver(message.pk)
    message.refresh_from_db()
    assert message.lease_until
    assert message.attempts.get().status == 500


def test_a_replay_has_the_same_id_a_new_time_and_is_written_down(
    lasting: World, endpoint: Any, program: Any
) -> None:
    message = tell(endpoint)
    send()
    headers = program.arrived[0][0]
    headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 100)
    assert webhooks.replay(lasting.alice, message)
    send()
    again = program.arrived[1][0]
    assert again["webhook-id"] == headers["webhook-id"]
    assert int(again["webhook-timestamp"]) > int(headers["webhook-timestamp"])
    program.verified(endpoint.secret)
    event = AuditEvent.objects.get(verb="webhook.replayed")
    assert (event.actor, event.workspace) == (lasting.alice.user, lasting.alice.workspace)
    assert message.attempts.count() == 2


def test_all_that_was_given_up_is_replayed_at_once(lasting: World, endpoint: Any, program: Any) -> None:
    for _ in range(3):
        tell(endpoint)
    webhooks.disable(endpoint, lasting.alice)
    assert webhooks.replay_failed(lasting.alice, endpoint) == 0  # nobody may be told
    assert webhooks.enable(lasting.alice, endpoint)
    assert webhooks.replay_failed(lasting.alice, endpoint) == 3
    assert send() == 3
    assert webhooks.replay_failed(lasting.alice, endpoint) == 0
    assert AuditEvent.objects.filter(verb="webhook.replayed").count() == 1


def test_for_a_day_after_a_rotation_both_secrets_verify(lasting: World, endpoint: Any, program: Any) -> None:
    old = endpoint.secret
    assert webhooks.rotate(lasting.alice, endpoint)
    assert not webhooks.rotate(lasting.alice, endpoint)  # the same page sent twice
    endpoint.refresh_from_db()
    tell(endpoint)
    send()
    assert program.verified(old) == program.verified(endpoint.secret)
    passes(timedelta(hours=24))
    tell(endpoint)
    send()
    program.verified(endpoint.secret)
    with pytest.raises(WebhookVerificationError):
        program.verified(old)


def test_the_audit_trail_knows_neither_secrets_nor_the_addresss_query(lasting: World, endpoint: Any) -> None:
    webhooks.rotate(lasting.alice, endpoint)
    webhooks.delete(lasting.alice, endpoint)
    said = str(list(AuditEvent.objects.values_list("verb", "before", "after", "detail")))
    assert {"webhook.added", "webhook.rotated", "webhook.deleted"} <= set(
        AuditEvent.objects.values_list("verb", flat=True)
    )
    assert "s3cret" not in said
    assert "whsec_" not in said


def test_a_failing_endpoint_is_tried_by_one_at_a_time_and_less_and_less(endpoint: Any, program: Any) -> None:
    program.statuses = [500] * 50
    for _ in range(5):
        tell(endpoint)
    assert send() == 5
    assert len(program.arrived) == 1  # the first failure silences the others for a while
    passes(timedelta(hours=1))
    moment = timezone.now()
    assert WebhookMessage.objects.due(moment, moment).count() == 1
    send()
    endpoint.refresh_from_db()
    assert endpoint.quiet_until - timezone.now() > timedelta(minutes=5)
    assert len(program.arrived) == 2


def test_one_endpoint_does_not_take_all_places_of_a_sweep(lasting: World, endpoint: Any) -> None:
    other = webhooks.add(lasting.eve, "https://quiet.example/", [])
    for _ in range(30):
        tell(endpoint)
    tell(other)
    moment = timezone.now()
    due = list(WebhookMessage.objects.due(moment, moment).values_list("endpoint", flat=True))
    assert due.count(endpoint.pk) == 20
    assert due.count(other.pk) == 1


def test_whatever_goes_wrong_here_counts_as_a_try(endpoint: Any, program: Any, monkeypatch: Any) -> None:
    def broken(*anything: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(socket, "create_connection", broken)
    message = tell(endpoint)
    send()
    assert message.attempts.get().error == "could not be sent"
    message.refresh_from_db()
    assert message.wake_at
    assert message.lease_until is None


def test_nothing_is_posted_inside_a_transaction(endpoint: Any, program: Any) -> None:
    message = tell(endpoint)
    with pytest.raises(RuntimeError), transaction.atomic():
        webhooks.deliver(message.pk)
    assert program.arrived == []


def test_what_is_older_than_a_month_is_forgotten(endpoint: Any, program: Any) -> None:
    tell(endpoint)
    send()
    passes(timedelta(days=31))
    kept = tell(endpoint)
    webhooks.drop_old()
    assert list(WebhookMessage.objects.all()) == [kept]
    assert not WebhookAttempt.objects.exists()


def test_logs_name_no_address_and_no_answer(endpoint: Any, program: Any, caplog: Any) -> None:
    caplog.set_level("INFO")
    tell(endpoint)
    send()
    (line,) = [each.getMessage() for each in caplog.records if "event=posted" in each.getMessage()]
    assert "status=200" in line
    assert "s3cret" not in line
    assert "127.0.0.1" not in line
