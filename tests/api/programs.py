"""A program with a token, as a test plays it."""

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from accounts import tokens
from accounts.models import ApiToken, Scope
from accounts.policy import Actor
from tests.world import LITE

ROOT = "/api/v1"
WISH: dict[str, Any] = {"endpoint": LITE, "input": {"prompt": "A lighthouse at dusk", "duration": "4s"}}


@dataclass
class Program:
    """Speaks JSON with its token; without one as a stranger does."""

    token: ApiToken | None
    secret: str

    @classmethod
    def of(cls, who: Actor, *scopes: Scope, **more: Any) -> "Program":
        """With a token of a person; every scope unless some are named."""
        return cls(*tokens.make(who, "A program", scopes or Scope.values, **more))

    def _headers(self, more: dict[str, str] | None) -> dict[str, str]:
        return ({"Authorization": f"Bearer {self.secret}"} if self.secret else {}) | (more or {})

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        """`GET`, below the root."""
        return Client().get(ROOT + path, query, headers=self._headers(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """`POST` of a JSON body; text is sent as it is."""
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        client = Client(raise_request_exception=False)
        return client.post(ROOT + path, text, content_type="application/json", headers=self._headers(headers))

    def send(self, path: str, **fields: Any) -> Any:
        """`POST` of a multipart form."""
        return Client().post(ROOT + path, fields, headers=self._headers(None))

    def create(self, key: str = "", **input_: Any) -> Any:
        """An order of one clip."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/generations", WISH | {"input": WISH["input"] | input_}, **headers)


STRANGER = Program(None, "")


def is_problem(response: Any, status: int, kind: str = "") -> bool:
    """Whether an answer is a problem of that status and kind."""
    told = response.json()
    assert response["Content-Type"] == "application/problem+json", response.content
    assert {"type", "title", "status", "detail", "request"} <= set(told)
    assert told["request"] == response["X-Request-ID"]
    return (response.status_code, told["status"]) == (status, status) and (
        not kind or told["type"].endswith(f"#{kind}")
    )
