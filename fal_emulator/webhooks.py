"""Delivers webhooks: signed, never following redirects, tried again with growing gaps."""

import functools
import json
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

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
PLAIN = {"Content-Type": "application/json", "User-Agent": "fal-emulator"}


@dataclass(frozen=True)
class Again:
    """What the control surface may ask of one delivery more."""

    times: int = 1
    together: bool = False  # at the same moment instead of one after the other
    status: str | None = None  # OK or ERROR, whatever the truth; None: the truth
    url: str | None = None  # somewhere else than the submit said
    user_id: str | None = None  # signed as another account
    age: float = 0.0  # seconds since the timestamp
    padding: int = 0  # bytes that make the body longer
    chunked: bool = False  # sent without a length


@dataclass(frozen=True)
class Parcel:
    """One webhook as it is about to be sent. What is None is as usual."""

    request: Request
    body: Json
    kind: str
    url: str | None = None
    user_id: str | None = None
    age: float = 0.0
    chunked: bool = False
    forged: bool = False


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
            self._post(Parcel(request, claim(request, "ERROR", self._base(request)), "contradiction"))
        if request.effect.forged:
            self._forge(request)
        for copy in range(1, request.effect.copies):
            self.world.couriers.hand(lambda copy=copy: self._try(request, 1, copy))  # type: ignore[misc]
        self._try(request, 1, 0)

    def close(self) -> None:
        self._client.close()

    def again(self, request: Request, wish: Again) -> list[int | None]:
        """Deliver now, as told; the status codes that came back. Raises ValueError when it cannot be done."""
        if wish.status is None and request.outcome is None:
            raise ValueError("it has not ended: say with `as` what the webhook shall claim")
        body = webhook_of(request, self._base(request), self.world.files) if wish.status is None else {}
        if wish.status is not None:
            body = claim(request, wish.status, self._base(request))
        if wish.padding:
            body["padding"] = "x" * wish.padding
        parcel = Parcel(request, body, "lever", wish.url, wish.user_id, wish.age, wish.chunked)
        with ThreadPoolExecutor(wish.times if wish.together else 1) as hands:
            return list(hands.map(lambda attempt: self._post(parcel, attempt), range(1, wish.times + 1)))

    def _try(self, request: Request, attempt: int, copy: int) -> None:
        """One delivery; anything but 2xx and 3xx is tried again later, freshly signed."""
        if self.world.webhooks_dropped:
            self.world.book.note_lost(request)
            return
        body = webhook_of(request, self._base(request), self.world.files)
        status = self._post(Parcel(request, body, f"copy {copy}" if copy else "real"), attempt)
        if status is not None and 200 <= status < 300:
            return
        permanent = status is not None and 300 <= status < 400
        if permanent or attempt > RETRIES or self.world.stopping.is_set():
            return
        gap = min(LONGEST_GAP, FIRST_GAP * 2 ** (attempt - 1))
        again = self._handed(lambda: self._try(request, attempt + 1, copy))
        self.world.timeline.after(gap, again)

    def _forge(self, request: Request) -> None:
        lie = claim(request, "ERROR", self._base(request))
        self._post(Parcel(request, lie, "forged signature", forged=True))
        self._post(Parcel(request, lie, "foreign account", user_id=OTHER_ACCOUNT))

    def _post(self, parcel: Parcel, attempt: int = 1) -> int | None:
        """Send once and note it; the HTTP status, or None when there was no answer."""
        request, url = parcel.request, parcel.url or parcel.request.webhook or ""
        note: Json = {
            "request_id": request.id,
            "url": url,
            "kind": parcel.kind,
            "attempt": attempt,
            "time": iso(time.time()),
            "status": parcel.body["status"],
            "genuine": parcel.kind == "real" or parcel.kind.startswith("copy"),
            "status_code": None,
            "error": None,
        }
        raw = encoded(parcel.body)
        headers = {**PLAIN, **self._proof(parcel, raw)}
        content = in_chunks(raw) if parcel.chunked else raw
        try:
            note["status_code"] = self._client.post(url, content=content, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
            note["error"] = f"{type(error).__name__}: {error}"
        self.world.book.note_delivery(request, note)
        code: int | None = note["status_code"]
        return code

    def _proof(self, parcel: Parcel, raw: bytes) -> Headers:
        user = parcel.user_id or self.world.signs_as
        if parcel.forged:
            return self.world.signer.bad_headers(parcel.request.id, user)
        return self.world.signer.headers(parcel.request.id, user, raw, parcel.age)

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


def in_chunks(raw: bytes) -> Iterator[bytes]:
    """Sent without a length."""
    for start in range(0, len(raw), 64 * 1024):
        yield raw[start : start + 64 * 1024]


def claim(request: Request, status: str, base: str) -> Json:
    """A webhook that says this whatever the truth: a crash, or a clip where there is none."""
    body: Json = {"request_id": request.id, "gateway_request_id": request.id, "status": status}
    if status == "OK":
        return {**body, "payload": {"video": {"url": f"{base}/files/nothing-is-there/output.mp4"}}}
    return {**body, "error": "Invalid status code: 500", "payload": {"detail": "Internal server error"}}
