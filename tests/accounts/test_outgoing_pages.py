"""The pages about webhooks: who may, whose they are, what the buttons do; a long log costs no more."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import webhooks
from accounts.models import AuditEvent, WebhookAttempt, WebhookEndpoint, WebhookMessage
from accounts.views.webhooks import ACTS, MOST_ENDPOINTS, PAGE
from tests.world import World

pytestmark = pytest.mark.both_databases

LIST = "/team/webhooks/"
URL = "https://program.example/hook"


@pytest.fixture
def endpoint(world: World) -> WebhookEndpoint:
    return webhooks.add(world.alice, URL, [])


def at(endpoint: WebhookEndpoint, verb: str = "") -> str:
    return f"{LIST}{endpoint.pk}/{verb}/" if verb else f"{LIST}{endpoint.pk}/"


def told(endpoint: WebhookEndpoint, count: int, *, tries: int = 2) -> None:
    for number in range(count):
        webhooks.tell(endpoint.workspace_id, "generation.failed", partial(dict, id=number))
    moment = timezone.now()  # pairs share a time: the id decides
    for number, message in enumerate(WebhookMessage.objects.filter(endpoint=endpoint)):
        WebhookMessage.objects.filter(pk=message.pk).update(
            created_at=moment - timedelta(seconds=number // 2)
        )
        WebhookAttempt.objects.bulk_create(WebhookAttempt(message=message, status=500) for _ in range(tries))


def test_one_adds_a_webhook_and_sees_its_secret_only_when_asking_for_it(world: World, client_of: Any) -> None:
    alice = client_of("alice")
    answer = alice.post(LIST, {"url": URL, "events": ["generation.succeeded"]})
    made = WebhookEndpoint.objects.get()
    assert answer["Location"].endswith(at(made))
    assert (made.workspace, made.created_by) == (world.alice.workspace, world.alice.user)
    assert made.events == ["generation.succeeded"]
    for address in (LIST, at(made)):
        assert made.secret not in alice.get(address).content.decode()
    shown = alice.post(at(made, "secret"))
    assert made.secret in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert [each.verb for each in AuditEvent.objects.filter(verb__startswith="webhook").order_by("id")] == [
        "webhook.added",
        "webhook.secret_shown",
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://program.example/", "must begin with https"),
        ("https://me:secret@program.example/", "must not contain a user name"),
        ("https://127.0.0.1/", "must be one on the internet"),
        ("https://2130706433/", "must be one on the internet"),
        ("https://[::1]/", "must be one on the internet"),
        ("https://printer.local/", "must be one on the internet"),
        ("https://xn--a/hook", "no web address"),
        ("", "required"),
        ("https://program.example/" + "x" * 500, "at most 500"),
    ],
)
def test_a_bad_address_is_said_at_its_field_and_nothing_typed_is_lost(
    endpoint: WebhookEndpoint, client_of: Any, url: str, words: str
) -> None:
    alice = client_of("alice")
    for address in (LIST, at(endpoint)):
        answer = alice.post(address, {"url": url, "events": ["generation.failed"]})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert words in page
        assert 'value="generation.failed" checked' in page
        assert f'value="{url}"' in page
    assert WebhookEndpoint.objects.get().url == URL


def test_there_is_an_end_to_how_many(world: World, endpoint: WebhookEndpoint, client_of: Any) -> None:
    for _ in range(MOST_ENDPOINTS - 1):
        webhooks.add(world.alice, URL, [])
    answer = client_of("alice").post(LIST, {"url": URL})
    assert answer.status_code == 422
    assert WebhookEndpoint.objects.count() == MOST_ENDPOINTS


def test_who_may_not_gets_neither_pages_nor_buttons(endpoint: WebhookEndpoint, client_of: Any) -> None:
    told(endpoint, 1)
    message = WebhookMessage.objects.get()
    before = rows()
    for name in ("bob", "vera"):
        person = client_of(name)
        assert person.get(LIST).status_code == 403
        assert person.get(at(endpoint)).status_code == 403
        assert person.post(LIST, {"url": URL}).status_code == 403
        assert person.post(f"{LIST}messages/{message.pk}/replay/").status_code == 403
        for verb in (*ACTS, "secret"):
            answer = person.post(at(endpoint, verb))
            assert answer.status_code == 403
            assert endpoint.secret not in answer.content.decode()
    assert rows() == before


def test_a_stranger_finds_nothing(endpoint: WebhookEndpoint, client_of: Any) -> None:
    told(endpoint, 1)
    message = WebhookMessage.objects.get()
    before, eve = rows(), client_of("eve")
    assert str(endpoint.pk) not in eve.get(LIST).content.decode()
    assert eve.get(at(endpoint)).status_code == 404
    assert eve.post(at(endpoint), {"url": "https://eve.example/"}).status_code == 404
    assert eve.post(f"{LIST}messages/{message.pk}/replay/").status_code == 404
    for verb in (*ACTS, "secret"):
        assert eve.post(at(endpoint, verb)).status_code == 404
    assert rows() == before


def test_no_get_does_anything_and_no_post_without_a_token(world: World, endpoint: WebhookEndpoint) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.alice.user)
    before = rows()
    for verb in (*ACTS, "secret"):
        assert strict.get(at(endpoint, verb)).status_code == 405
        assert strict.post(at(endpoint, verb)).status_code == 403
    assert strict.post(LIST, {"url": URL}).status_code == 403
    assert rows() == before


def rows() -> list[Any]:
    models = (WebhookEndpoint, WebhookMessage, WebhookAttempt, AuditEvent)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_the_buttons_do_what_they_say(endpoint: WebhookEndpoint, client_of: Any) -> None:
    alice, old = client_of("alice"), endpoint.secret
    told(endpoint, 2)
    for verb in ("disable", "disable", "test", "replay", "enable", "replay", "rotate", "test"):
        answer = alice.post(at(endpoint, verb), follow=True)
        assert answer.status_code == 200
    endpoint.refresh_from_db()
    assert (endpoint.disabled_at, endpoint.old_secret) == (None, old)
    assert endpoint.secret != old
    messages = WebhookMessage.objects.filter(wake_at__isnull=False)
    assert sorted(messages.values_list("type", flat=True)) == [*["generation.failed"] * 2, "webhook.test"]
    assert messages.get(type="webhook.test").body["data"] == {"webhook": str(endpoint.pk)}
    alice.post(at(endpoint), {"url": "https://other.example/", "events": []})
    alice.post(at(endpoint, "delete"))
    assert alice.get(at(endpoint)).status_code == 404
    assert "program.example" not in alice.get(LIST).content.decode()
    verbs = AuditEvent.objects.filter(verb__startswith="webhook").order_by("id")
    assert [each.verb.removeprefix("webhook.") for each in verbs] == [
        *("added", "disabled", "enabled", "replayed", "rotated", "tested", "changed", "deleted"),
    ]
    assert {each.acting_as for each in verbs} == {"owner"}


def test_the_log_says_what_became_of_each_message(endpoint: WebhookEndpoint, client_of: Any) -> None:
    told(endpoint, 1)
    message = WebhookMessage.objects.get()
    alice = client_of("alice")
    page = alice.get(at(endpoint)).content.decode()
    assert "Waiting" in page
    assert page.count("Answered 500") == 3  # once as the last, and each try
    assert str(message.pk) in page
    WebhookMessage.objects.update(wake_at=None)
    assert "Not delivered" in alice.get(at(endpoint)).content.decode()
    alice.post(f"{LIST}messages/{message.pk}/replay/")
    message.refresh_from_db()
    assert (message.standing, message.tries) == ("waiting", 0)


def test_the_log_pages_through_everything_once(endpoint: WebhookEndpoint, client_of: Any) -> None:
    told(endpoint, 2 * PAGE + 5, tries=0)
    seen, after, alice = [], "", client_of("alice")
    while True:
        context = alice.get(at(endpoint), {"after": after}).context
        seen += [row["message"].pk for row in context["log"]]
        if not (after := context["next"]):
            break
    assert len(seen) == len(set(seen)) == 2 * PAGE + 5
    assert len(alice.get(at(endpoint), {"after": "x:y:z"}).context["log"]) == PAGE


def test_two_hundred_messages_cost_the_queries_of_ten(
    world: World, endpoint: WebhookEndpoint, client_of: Any
) -> None:
    alice, counts = client_of("alice"), []
    for count in (10, 190):
        told(endpoint, count, tries=1)
        with CaptureQueriesContext(connection) as captured:
            assert alice.get(at(endpoint)).status_code == 200
        counts.append(len(captured))
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert alice.get(LIST).status_code == 200
        counts.append(len(captured))
        for _ in range(9):
            webhooks.add(world.alice, URL, [])
    assert counts[0] == counts[1] <= 9
    assert counts[2] == counts[3] <= 8


def test_the_tab_is_there_for_who_may(endpoint: WebhookEndpoint, client_of: Any) -> None:
    assert f'href="{reverse("accounts:webhooks")}"' in client_of("alice").get(LIST).content.decode()
