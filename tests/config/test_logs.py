"""Logs: one line per event, by which a clip's story can be followed, and in which nobody's words stand."""

import json
import logging
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import trace
from config import settings as product
from config.logs import Json, Plain
from generations.models import Generation
from tests.world import Studio, World

FORMATS = {"json": Json, "plain": Plain}


class Lines(logging.Handler):
    """Every line that a process would write, in both formats."""

    def __init__(self, *secrets: str) -> None:
        super().__init__()
        self.kinds = {name: kind(secrets) for name, kind in FORMATS.items()}
        self.lines: list[str] = []
        self.plain: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.kinds["json"].format(record))
        self.plain.append(self.kinds["plain"].format(record))

    def events(self, **wanted: str) -> list[dict[str, Any]]:
        read = [json.loads(line) for line in self.lines]
        return [each for each in read if wanted.items() <= each.items()]


@pytest.fixture
def lines(settings: Any) -> Iterator[Lines]:
    handler = Lines(settings.SECRET_KEY, "canary-id:canary-key")
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def record(message: str, *arguments: Any, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("name", logging.INFO, "", 0, message, arguments, info)


def said(message: str, *arguments: Any, **more: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Json().format(record(message, *arguments, **more)))
    return loaded


def test_an_event_of_ours_becomes_fields() -> None:
    read = said("generation=%s event=store_failed error=%s tries=%s", "g-1", "Gone away", 3)
    assert read["event"] == "store_failed"
    assert (read["generation"], read["error"], read["tries"]) == ("g-1", "Gone away", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", read["time"])
    assert "message" not in read


def test_what_an_argument_says_cannot_forge_a_field_or_a_line() -> None:
    read = said("event=probe_failed why=%s", "x event=moved generation=1\n{}")
    assert (read["event"], read["why"]) == ("probe_failed", "x event=moved generation=1\n{}")
    assert "generation" not in read
    assert "\n" not in Json().format(record("event=probe_failed why=%s", "a\nb"))
    assert "\n" not in Plain().format(record("event=probe_failed why=%s", "a\nb"))


def test_other_libraries_keep_their_sentence_and_lose_what_follows_it() -> None:
    assert said("Not ours: %s", 1)["message"] == "Not ours: 1"
    assert said("exception raised\nTraceback: %s", "a prompt")["message"] == "exception raised"


def test_an_exception_is_its_kind_and_its_places() -> None:
    try:
        int("a prompt")
    except ValueError as error:
        read = said("event=sweep_failed", error=error)
    assert read["error"] == "ValueError"
    assert "test_an_exception_is_its_kind_and_its_places:" in read["at"]
    assert "prompt" not in json.dumps(read)


def test_tokens_and_secrets_are_hidden_in_every_format() -> None:
    for kind in FORMATS.values():
        line = kind(secrets=["long-secret", "short"]).format(
            record("event=x why=%s path=%s", "long-secret short", "/webhooks/fal/abc-DEF/")
        )
        assert "long-secret" not in line
        assert "abc-DEF" not in line
        assert "short" in line


def test_the_trace_is_on_each_line_and_ends_with_its_work() -> None:
    with trace.about(request="r-1"), trace.about(generation="g-1"):
        assert (said("event=x")["request"], said("event=x")["generation"]) == ("r-1", "g-1")
        assert said("generation=%s event=x", "g-2")["generation"] == "g-2"
    assert "request" not in said("event=x")


def test_the_products_settings_name_these_formats_and_count_errors() -> None:
    formatters = product.LOGGING["formatters"]
    assert {each["()"] for each in formatters.values()} == {"config.logs.Json", "config.logs.Plain"}
    assert set(product.LOGGING["root"]["handlers"]) == {"console", "alarms"}
    assert product.LOG_FORMAT == "json"


# ── Requests ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a1b2c3d4", "01J-abc_DEF.9" * 4])
def test_a_sane_name_given_by_a_proxy_is_kept(client: Client, name: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": name})["X-Request-ID"] == name


@pytest.mark.parametrize("name", ["", "short", "x" * 65, "a b c d e f g", 'a"b{}cdefgh', "a\u00e9bcdefghi"])
def test_any_other_name_is_replaced(client: Client, name: str) -> None:
    given = client.get("/healthz", headers={"X-Request-ID": name})["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", given)


@pytest.mark.django_db
def test_what_changed_something_is_logged_and_a_refusal_is_not(
    lines: Lines, world: World, client_of: Any
) -> None:
    alice = client_of("alice")
    alice.get(reverse("generations:queue"))
    alice.post(reverse("generations:fal_webhook", args=["t" * 43]))
    assert lines.events(event="request") == []
    alice.post(
        reverse("accounts:switch", args=[world.alice.workspace.pk]), headers={"X-Request-ID": "switch-1"}
    )
    (line,) = lines.events(event="request")
    assert (line["request"], line["view"], line["status"]) == ("switch-1", "accounts:switch", 302)


# ── One clip's story ────────────────────────────────────────────────────────────────────────────


@pytest.mark.redis
def test_one_id_leads_from_the_press_through_job_and_webhook_to_the_clip(
    lines: Lines, studio: Studio
) -> None:
    with trace.about(request="the-press"):
        generation = studio.place()
    studio.settle()
    story = lines.events(generation=str(generation.pk))
    events = [each.get("event") for each in story]
    assert events[0] == "ordered"
    assert story[0]["request"] == "the-press"
    delivered = next(each for each in story if each.get("event") == "delivered")
    assert delivered["request"] not in ("", "the-press")  # the webhook's own
    assert {each.get("job") for each in story} >= {"drive", "media"}
    moves = [each["after"] for each in story if each.get("event") == "moved"]
    assert moves[:2] == ["submitting", "submitted"]
    assert moves[-1] == "succeeded"
    generation.refresh_from_db()
    assert generation.state == "succeeded"


@pytest.mark.redis
def test_no_prompt_key_token_or_address_is_in_any_line_of_a_whole_run(
    lines: Lines, studio: Studio, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FAL_KEY = "canary-id:canary-key"
    logging.getLogger("django.db.backends").setLevel("INFO")  # it is the developer's own, with DEBUG
    tokens: list[str] = []
    prepare = secrets.token_urlsafe
    monkeypatch.setattr(
        "generations.models.attempt.secrets.token_urlsafe", lambda n: _kept(tokens, prepare(n))
    )
    for word in ("", "[reject]", "[policy]", "[html]", "[gone]"):
        studio.place(prompt=f"canary-prompt {word}")
    studio.settle()
    alice = Client()
    alice.force_login(studio.world.alice.user)
    alice.post(reverse("generations:create"), {"prompt": "canary-form", "resolution": "canary"})
    _break_a_statement(studio)
    assert Generation.objects.count() == 5
    assert len(tokens) >= 5
    text = "\n".join([*lines.lines, *lines.plain])
    assert "event" in text
    for hidden in ("canary", *tokens, "correct horse", settings.SECRET_KEY):
        assert hidden not in text


def _kept(tokens: list[str], token: str) -> str:
    tokens.append(token)
    return token


def _break_a_statement(studio: Studio) -> None:
    """A database that quotes a whole row, prompt included, in its error."""
    generation = Generation.objects.first()
    assert generation
    try:
        Generation.objects.filter(pk=generation.pk).update(cost=0)
    except Exception:  # whatever it is called on this database
        logging.getLogger("generations").exception("event=step_broke")
    else:
        raise AssertionError("the database took a price of nothing")
