"""Every error of the API is an `application/problem+json` (RFC 9457) of one of the kinds in this table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from accounts import trace

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its status, what it is in a few words, and what a program can do about it."""

    status: int
    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(400, "The request could not be read", "Send one well-formed JSON object as the body."),
    "unauthorized": Kind(
        401,
        "No valid token",
        "The token is missing, unknown, expired or revoked, or its maker left the team.",
    ),
    "not-enough-credits": Kind(
        402, "Not enough credits", "Add credits, or ask for something less expensive."
    ),
    "over-budget": Kind(402, "Over a budget", "The text names the budget and who can raise it."),
    "forbidden": Kind(
        403, "Not allowed", "The token lacks the scope, or its maker's role does not allow it."
    ),
    "second-factor": Kind(
        403,
        "A second factor is required",
        "The workspace asks for two-step sign-in; the token's maker has none yet.",
    ),
    "not-found": Kind(404, "Not found", "It does not exist, or it is not yours."),
    "method-not-allowed": Kind(405, "Method not allowed", "The header Allow names those that are."),
    "key-reused": Kind(
        409, "This Idempotency-Key was used for something else", "Use a new key for each new request."
    ),
    "off-sale": Kind(409, "This endpoint is switched off", "Choose another endpoint, or try again later."),
    "ended": Kind(409, "It has ended already", "There is nothing left to cancel."),
    "not-ready": Kind(409, "There is no video yet", "Poll the generation until its state is succeeded."),
    "refused": Kind(409, "The order was refused", "The text says why. Nothing was charged."),
    "too-large": Kind(413, "The body is too large", "Pictures have up to 8 MB, videos 100 MB, JSON 1 MB."),
    "wrong-content-type": Kind(
        415, "Wrong content type", "Send application/json; to /uploads send multipart/form-data."
    ),
    "out-of-range": Kind(416, "No such bytes", "The header Content-Range names the size of the file."),
    "invalid": Kind(422, "Invalid input", "`errors` names each parameter and says what is wrong with it."),
    "too-many-requests": Kind(429, "Too many requests", "Wait as many seconds as Retry-After says."),
    "too-many-waiting": Kind(429, "Too many clips wait", "Try again when some of them are done."),
    "broken": Kind(
        500, "Something broke here", "It is written down. Try again; tell us the request if it stays."
    ),
    "busy": Kind(503, "Busy for a moment", "Try again after the seconds that Retry-After says."),
}


class Problem(Exception):
    """An answer that is an error. `errors` are texts by parameter name."""

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind, self.detail, self.errors = kind, detail, errors
        self.headers = dict(headers or {})
        if self.status in (429, 503):
            self.headers.setdefault("Retry-After", str(RETRY_SECONDS))

    @property
    def status(self) -> int:
        """HTTP's."""
        return KINDS[self.kind].status

    @property
    def passes(self) -> bool:
        """Whether the same request may well be answered otherwise in a moment."""
        return self.status in (429, 500, 503)

    def text(self) -> str:
        """The body."""
        kind = KINDS[self.kind]
        body: dict[str, Any] = {
            "type": f"{settings.PUBLIC_URL}/api/v1/docs#{self.kind}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail or kind.advice,
            "request": trace.words().get("request", ""),
        }
        if self.errors:
            body["errors"] = self.errors
        return json.dumps(body)

    def response(self) -> HttpResponse:
        """The answer."""
        return answer(self.status, self.text(), self.headers)


def answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A JSON text as an answer; an error is a problem."""
    kind = CONTENT_TYPE if status >= 400 else "application/json; charset=utf-8"
    return HttpResponse(text, status=status, content_type=kind, headers=dict(headers or {}))


def invalid(**errors: str) -> Problem:
    """One text for each wrong parameter."""
    return Problem("invalid", errors={name: [text] for name, text in errors.items()})
