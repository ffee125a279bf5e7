"""fal's queue over plain httpx: few calls, each with explicit time-outs, none retried.

fal-client is not used because it repeats the paid POST on a time-out (`docs/decisions/`).
Facts: fal's queue documentation; certainty of each is noted where it is less than certain.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from generations.fal import replies
from generations.fal.failures import Reason, read_failure
from generations.fal.hosts import origin, permitted, trust
from generations.fal.limits import NOTHING_SENT, at_most
from generations.fal.replies import Accepted, Ambiguous, NotAccepted, Refusal, Unavailable

JSON_CAP = 1024 * 1024
# By phase, as shares of a whole call; an upload may take three times as long as any other call.
CONNECT, WRITE, READ = 1 / 8, 1 / 2, 3 / 4
UPLOAD = 3
LIST_PAGE = 100
# fal's request list is read for this share of a call's time; its last page may take a whole one.
LIST_SHARE = 1 / 2


@dataclass(frozen=True)
class Account:
    """Where fal is and who we are there."""

    key: str = field(repr=False)
    queue_url: str
    rest_url: str
    api_url: str
    # `host[:port]` from which results may be fetched and to which fal may direct uploads.
    media_hosts: frozenset[str]
    start_deadline: float
    keep_seconds: int
    # The longest that a call may take in all, in seconds.
    patience: float
    # Called before every request; the product refuses network inside a transaction with it.
    before: Callable[[], None]

    @property
    def timeout(self) -> httpx.Timeout:
        """By phase; the whole is limited besides, for a peer that drips trips none of these."""
        whole = self.patience
        return httpx.Timeout(connect=CONNECT * whole, write=WRITE * whole, read=READ * whole, pool=2)


@dataclass(frozen=True)
class Reply:
    """An answer read within its limits. `body` is None when it is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class TooLarge(httpx.TransportError):
    """The answer is longer than any honest one."""


class Fal:
    """One account's queue."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def submit(self, endpoint: str, arguments: Mapping[str, Any], webhook_url: str) -> replies.SubmitOutcome:
        """Send a paid request, once: fal certainly has it, certainly has it not, or maybe."""
        url = f"{self.account.queue_url}/{endpoint}?fal_webhook={quote(webhook_url, safe='')}"
        lifecycle = {"expiration_duration_seconds": self.account.keep_seconds}
        headers = {
            # A request that has not started by then dies by itself: an orphan costs nothing.
            "X-Fal-Request-Timeout": f"{self.account.start_deadline:g}",
            "X-Fal-Object-Lifecycle-Preference": json.dumps(lifecycle),
        }
        try:
            reply = self._call("POST", url, json=dict(arguments), headers=headers)
        except NOTHING_SENT as error:
            return NotAccepted(Refusal.UNREACHABLE, raw={"error": type(error).__name__})
        except httpx.HTTPError as error:
            return Ambiguous(type(error).__name__)
        return self._read_submit(reply)

    def status(self, status_url: str) -> replies.Progress | replies.Unknown:
        """Where a request is. Raises Unavailable."""
        reply = self._ask("GET", f"{status_url}?logs=0")
        if reply.status == 404:
            return replies.Unknown()
        if reply.status in (200, 202) and isinstance(reply.body, dict):
            return replies.read_progress(reply.body)
        raise _unanswered("status", reply.status)

    def result(self, response_url: str) -> replies.ResultOutcome:
        """A request's output or its failure. Raises Unavailable.

        A failed request is COMPLETED, too: only this call tells the two apart.
        """
        reply = self._ask("GET", response_url)
        if reply.status == 200:
            return replies.read_video(reply.body)
        if reply.status in (404, 410):
            return replies.Unknown()
        if reply.body is None or reply.status in (401, 403, 429):
            raise _unanswered("result", reply.status)
        failure = read_failure(reply.status, reply.body, reply.headers.get("x-fal-error-type", ""))
        # Undocumented, but hard-coded in several clients: an early fetch is a 400 that says so.
        if reply.status == 400 and "in progress" in failure.message.lower():
            return replies.NotYet()
        # A gateway speaks in plain sentences; the failure of a run has a type.
        if reply.status >= 500 and not failure.kind:
            raise _unanswered("result", reply.status)
        return failure

    def cancel(self, cancel_url: str) -> str:
        """Ask to stop; fal's word for it. That it did stop only the result says. Raises Unavailable."""
        reply = self._ask("PUT", cancel_url)
        if reply.status >= 500 or reply.status in (401, 403, 429) or reply.body is None:
            raise _unanswered("cancel", reply.status)
        return str(reply.body.get("status", reply.status)) if isinstance(reply.body, dict) else ""

    def upload(self, content: bytes, *, content_type: str, name: str) -> str:
        """Put a file where fal can read it; its address. Raises Unavailable."""
        initiate = f"{self.account.rest_url}/storage/upload/initiate?storage_type=fal-cdn-v3"
        reply = self._ask("POST", initiate, json={"file_name": name, "content_type": content_type})
        body = reply.body if isinstance(reply.body, dict) else {}
        target, address = body.get("upload_url"), body.get("file_url")
        if reply.status not in (200, 201) or not isinstance(target, str) or not isinstance(address, str):
            raise _unanswered("upload", reply.status)
        # The signed target is not fal's queue: it gets the bytes and never our key.
        put = self._ask("PUT", target, content=content, headers={"Content-Type": content_type}, key=False)
        if put.status not in (200, 201, 204):
            raise Unavailable(f"upload target answered {put.status}")
        return address

    def probe(self) -> None:
        """Ask for a request that does not exist: costs nothing, and says whether fal and our key are well.

        Observed by integrators: a good key gets 404, a bad one 401 or 403. Raises Unavailable.
        """
        url = f"{self.account.queue_url}/fal-ai/veo3.1/requests/{uuid.uuid4()}/status"
        reply = self._ask("GET", url)
        if reply.status in (401, 403, 429) or reply.status >= 500 or reply.body is None:
            raise _unanswered("probe", reply.status)

    def listed(self, endpoint: str, since: datetime, until: datetime) -> list[replies.Listed]:
        """What fal took of ours for an endpoint, newest first, with the inputs. Raises Unavailable."""
        span = {"start": since.isoformat(), "end": until.isoformat()}
        return self._list({"endpoint_id": endpoint, **span})

    def past(self, endpoint: str, request_id: str) -> replies.ResultOutcome:
        """A request's output by fal's list, for when the queue has forgotten it. Raises Unavailable."""
        for each in self._list({"endpoint_id": endpoint, "request_id": request_id}):
            if each.request_id == request_id and each.output is not None:
                return replies.read_video(each.output)
            if each.request_id == request_id and not each.ended:
                return replies.NotYet()
        return replies.Unknown()

    def _list(self, wanted: Mapping[str, str]) -> list[replies.Listed]:
        found: list[replies.Listed] = []
        query: dict[str, str] = {**wanted, "expand": "payloads", "limit": str(LIST_PAGE)}
        ends = time.monotonic() + LIST_SHARE * self.account.patience
        while True:
            url = f"{self.account.api_url}/models/requests/by-endpoint?{urlencode(query)}"
            reply = self._ask("GET", url)
            body = reply.body if isinstance(reply.body, dict) else {}
            if reply.status != 200 or not isinstance(items := body.get("items"), list):
                raise _unanswered("list", reply.status)
            found += [entry for item in items if (entry := replies.read_listed(item))]
            cursor = body.get("next_cursor")
            if not body.get("has_more") or not isinstance(cursor, str):
                return found
            if cursor == query.get("cursor") or time.monotonic() > ends:
                raise Unavailable("a list that does not end in time")
            query["cursor"] = cursor

    def addresses(self, request_path: str, request_id: str) -> dict[str, str]:
        """The follow-up addresses of a request adopted from a webhook, whose submit reply was lost."""
        base = f"{self.account.queue_url}/{request_path}/{quote(request_id, safe='')}"
        return {"status_url": f"{base}/status", "response_url": base, "cancel_url": f"{base}/cancel"}

    def _read_submit(self, reply: Reply) -> replies.SubmitOutcome:
        raw = reply.body if isinstance(reply.body, dict) else {}
        if 200 <= reply.status < 300:
            return self._read_accepted(reply.status, raw)
        # Only fal itself answers in this shape; a proxy that speaks proves nothing about fal.
        fal_spoke = "detail" in raw or "error" in raw
        if not fal_spoke or reply.status not in (400, 401, 403, 404, 413, 422, 429):
            return Ambiguous(f"HTTP {reply.status}", raw)
        failure = read_failure(reply.status, raw, reply.headers.get("x-fal-error-type", ""))
        if reply.status in (401, 403):
            return NotAccepted(Refusal.LOCKED, failure, raw=failure.raw)
        if reply.status == 429 or failure.reason == Reason.BUSY:
            return NotAccepted(Refusal.BUSY, failure, _seconds(reply.headers.get("retry-after")), failure.raw)
        return NotAccepted(Refusal.REFUSED, failure, raw=failure.raw)

    def _read_accepted(self, status: int, raw: dict[str, Any]) -> Accepted | Ambiguous:
        names = ("request_id", "status_url", "response_url", "cancel_url")
        values = [raw.get(name) for name in names]
        if not all(isinstance(value, str) and value for value in values):
            return Ambiguous(f"HTTP {status} without a request", raw)
        request_id, status_url, response_url, cancel_url = (str(value) for value in values)
        if not all(self._ours(url) for url in (status_url, response_url, cancel_url)):
            return Ambiguous("addresses on a foreign host", raw)
        if not replies.REQUEST_ID.fullmatch(request_id):
            return Ambiguous("an odd request id", raw)
        place = replies.read_position(raw.get("queue_position"))
        return Accepted(request_id, status_url, response_url, cancel_url, place, raw)

    def _ours(self, url: str) -> bool:
        """Whether an address is on fal's queue: we never carry our key to another host."""
        return origin(url) == origin(self.account.queue_url)

    def _ask(self, method: str, url: str, *, key: bool = True, **request: Any) -> Reply:
        """A call whose failure costs nothing but a later try."""
        bases = (self.account.queue_url, self.account.rest_url, self.account.api_url)
        trusted = {origin(base) for base in bases}
        known = origin(url) in trusted if key else permitted(url, self.account.media_hosts)
        if not known:
            raise Unavailable("an address on a foreign host")
        try:
            return self._call(method, url, key=key, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(type(error).__name__) from error

    def _call(
        self,
        method: str,
        url: str,
        *,
        key: bool = True,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Reply:
        self.account.before()
        sent = dict(headers or {}) | ({"Authorization": f"Key {self.account.key}"} if key else {})
        seconds = self.account.patience * (UPLOAD if "content" in request else 1)
        # A fresh connection each time: a pooled one that the server closed meanwhile would look like
        # a lost answer, and a lost answer to a paid request is expensive to explain.
        client = httpx.Client(
            timeout=self.account.timeout, follow_redirects=False, trust_env=False, verify=trust()
        )
        with (
            client,
            at_most(seconds, client),
            client.stream(method, url, headers=sent, **request) as response,
        ):
            return Reply(response.status_code, response.headers, _read_json(response))


def _unanswered(question: str, status: int) -> Unavailable:
    """For operators: 401 and 403 are about us, everything else is fal's own trouble."""
    ours = "the key or the account is refused: " if status in (401, 403) else ""
    return Unavailable(f"{ours}{question} answered {status}")


def _read_json(response: httpx.Response) -> Any:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > JSON_CAP:
            raise TooLarge("an answer of more than 1 MiB")
    try:
        return replies.loads(bytes(content))
    except ValueError:
        return None


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds; the date form is not used by fal."""
    try:
        seconds = float(header) if header else None
    except ValueError:
        return None
    return max(0.0, seconds) if seconds is not None and isfinite(seconds) else None
