"""Requests made up from the API's own description: never a 5xx, and every answer is as described.

In this process, with a real token whose credits last for a few clips, and the same requests in every run.
"""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from generations.api.description import described
from generations.models import Generation
from tests.api.programs import ROOT, WISH, Program
from tests.clips import finished
from tests.world import LITE, World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
CALLS = [(method, path) for path, calls in described()["paths"].items() for method in calls]
SETTINGS = hypothesis.settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def in_one_piece(environ: Any, start_response: Any) -> list[bytes]:
    """The product as WSGI; the client that is used here would not close a file that is streamed."""
    response = application(environ, start_response)
    try:
        return [b"".join(response)]
    finally:
        response.close()


@pytest.fixture
def poor(db: None, settings: Any) -> Iterator[World]:
    """People with credits for a few clips, and no limit on how often one may ask."""
    settings.API_RATE = 1_000_000
    # The connection holds this test's transaction, so it outlives the requests, as with Django's own client.
    signals = (request_started, request_finished)
    for each in signals:
        each.disconnect(close_old_connections)
    yield World.make(funds=200)
    for each in signals:
        each.connect(close_old_connections)


def real(operation: Any, done: Generation) -> dict[str, Any]:
    """What chance would hardly find: the id of something that is there, and a wish that can be had."""
    known: dict[str, Any] = {}
    if "{id}" in operation.path:
        known["path_parameters"] = {"id": str(done.pk) if "/generations/" in operation.path else LITE}
    if any(each.media_type == "application/json" for each in operation.body):
        known["body"] = WISH
    return known


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_whatever_is_asked_is_answered_as_described(poor: World, method: str, path: str, mode: Any):
    done = finished(poor)
    program = Program.of(poor.alice)
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", in_one_piece)
    operation = schema[path][method.upper()]
    seen: set[int] = set()

    def ask(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {program.secret}"})
        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)

    for known in ({}, real(operation, done)):
        try:
            cases = operation.as_strategy(generation_mode=mode, **known)
            SETTINGS(hypothesis.given(case=cases)(ask))()
        except hypothesis.errors.Unsatisfiable:
            assert mode == GenerationMode.NEGATIVE  # there is nothing that could be wrong in it
    assert Generation.objects.count() <= 1 + 200 // 5
    if mode == GenerationMode.POSITIVE and not path.endswith("/uploads"):  # made-up bytes are no picture
        assert seen & {200, 201, 202, 409}, seen
