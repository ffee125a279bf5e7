"""A database that is away is a 503 that says when to come again; a fault of ours stays a 500."""

from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client, RequestFactory

from config.errors import broken
from tests.world import PASSWORD, World


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
