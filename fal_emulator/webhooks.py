"""Delivers webhooks: signed, never following redirects, tried again with growing gaps."""

import functools
import json
import ssl
import time
from collections.abc import Callable

import httpx

from fal_emulator.exchange import Json
from fal_emulator.requests import Request, iso
from fal_emulator.results import webhook_of
from fal_emulator.signing import Headers
from fal_emulator.world import World

TIMEOUT = 15.0  # real seconds: the network is not emulated
RETRIES = 10
FIRST_GAP = 1.0  # emulated seconds, doubled after each failure
LONGEST_GAP = 300.0
OTHER_ACCOUNT = "another-account"


class Webhooks:
    """Hands deliveries to the couriers. Real fal drops private targets; here they are welcome."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._client = httpx.Client(
            timeout=TIMEOUT,
            follow_redirects=False,
            verify=trusted(),
            trust_env=False,  # a proxy has no business between an emulator and its host
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def send(self, request: Request) -> None:
        """Deliver when the request's fate says so; returns at once."""
        if self.world.webhooks_dropped:
            self.world.book.note_lost(request)
        if request.owed:
            delay = request.effect.webhook_delay
            self.world.timeline.after(delay, self._handed(lambda: self.first_round(request)))

    def first_round(self, request: Request) -> None:
        """What precedes the real delivery, and the first try of each copy of that."""
        if request.effect.contradicted:
            self._post(request, contradiction(request), "contradiction", 1)
        if request.effect.forged:
            self._forge(request)
        for copy in range(1, request.effect.copies):
            self.world.couriers.hand(lambda copy=copy: self._try(request, 1, copy))  # type: ignore[misc]
        self._try(request, 1, 0)

    def close(self) -> None:
        self._client.close()

    def _try(self, request: Request, attempt: int, copy: int) -> None:
        """One delivery; anything but 2xx and 3xx is tried again later, freshly signed."""
        body = webhook_of(request, self._base(request), self.world.files)
        status = self._post(request, body, f"copy {copy}" if copy else "real", attempt)
        if status is not None and 200 <= status < 300:
            return
        permanent = status is not None and 300 <= status < 400
        if permanent or attempt > RETRIES or self.world.stopping.is_set():
            return
        gap = min(LONGEST_GAP, FIRST_GAP * 2 ** (attempt - 1))
        again = self._handed(lambda: self._try(request, attempt + 1, copy))
        self.world.timeline.after(gap, again)

    def _forge(self, request: Request) -> None:
        lie = contradiction(request)
        raw = encoded(lie)
        bad = self.world.signer.bad_headers(request.id, self.world.settings.user_id)
        self._post(request, lie, "forged signature", 1, bad)
        foreign = self.world.signer.headers(request.id, OTHER_ACCOUNT, raw)
        self._post(request, lie, "foreign account", 1, foreign)

    def _post(
        self,
        request: Request,
        body: Json,
        kind: str,
        attempt: int,
        headers: Headers | None = None,
    ) -> int | None:
        """Send once and note it; the HTTP status, or None when there was no answer."""
        raw = encoded(body)
        user = self.world.settings.user_id
        proof = headers or self.world.signer.headers(request.id, user, raw)
        note: Json = {
            "request_id": request.id,
            "url": request.webhook,
            "kind": kind,
            "attempt": attempt,
            "time": iso(time.time()),
            "status": body["status"],
            "genuine": kind == "real" or kind.startswith("copy"),
            "status_code": None,
            "error": None,
        }
        try:
            answer = self._client.post(
                request.webhook or "",
                content=raw,
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "fal-emulator",
                    **proof,
                },
            )
            note["status_code"] = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
            note["error"] = f"{type(error).__name__}: {error}"
        self.world.book.note_delivery(request, note)
        code: int | None = note["status_code"]
        return code

    def _base(self, request: Request) -> str:
        """Addresses in a webhook: a restart may have moved the server since the submit."""
        return self.world.settings.public_url or request.base

    def _handed(self, action: Callable[[], None]) -> Callable[[], None]:
        return lambda: self.world.couriers.hand(action)


@functools.cache
def trusted() -> ssl.SSLContext:
    """The usual certificates; loading them takes longer than all else that an emulator does to start."""
    return ssl.create_default_context()


def encoded(body: Json) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def contradiction(request: Request) -> Json:
    """An ERROR webhook for a request that in truth went well."""
    return {
        "request_id": request.id,
        "gateway_request_id": request.id,
        "status": "ERROR",
        "error": "Invalid status code: 500",
        "payload": {"detail": "Internal server error"},
    }
