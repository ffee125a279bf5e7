"""A database that is away is a 503 that says when to come again; a fault of ours stays a 500."""

import json
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import connection
from django.test import Client, RequestFactory

from config.errors import broken
from tests.api.programs import Program
from tests.world import LITE, PASSWORD, World


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_get_to_it_is_a_503_with_a_retry(transactional_db: Any) -> None:
    world = World.make()
    client = Client(raise_request_exception=False)
    assert client.login(email=world.alice.user.email, password=PASSWORD)
    options = connection.get_connection_params()
    keep = {name: options[name] for name in ("dbname", "user", "host", "port") if options.get(name)}
    with psycopg.connect(**keep) as other:
        other.execute("LOCK TABLE generations_generation IN ACCESS EXCLUSIVE MODE")
        answer = client.get("/queue/")
        other.rollback()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "look at the queue" in answer.content.decode()
    assert client.get("/queue/").status_code == 200


def test_a_fault_of_ours_is_a_500() -> None:
    try:
        int("ours")
    except ValueError:
        assert broken(RequestFactory().get("/")).status_code == 500


# None of Python's, none for text, one that only raises; and some that would read other letters.
@pytest.mark.parametrize("charset", ["nonsense", "é", "rot13", "zip", "undefined", "idna", "utf-16", "cp037"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/quotes"])
def test_a_request_is_read_as_utf8_whatever_it_says(world: World, path: str, charset: str) -> None:
    wish = {"endpoint": LITE, "input": {"prompt": "Ein Fährmann", "duration": "4s"}}
    sent, kind = {
        "/accounts/login/": (
            urlencode({"login": "fährmann@example.com"}),
            "application/x-www-form-urlencoded",
        ),
        "/api/v1/quotes": (json.dumps(wish, ensure_ascii=False), "application/json"),
    }[path]
    answer = Client().generic(
        "POST",
        path,
        sent.encode(),
        content_type=f"{kind}; charset={charset}",
        headers={"Authorization": f"Bearer {Program.of(world.alice).secret}"},
    )
    assert answer.status_code == 200
    assert "fährmann@example.com" in answer.content.decode() or path != "/accounts/login/"
