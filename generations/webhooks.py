"""fal's webhook: prove, store, answer. The motor does the rest.

In order of cost, so that a flood of forgeries costs little: method, length, type, header shapes, age,
our own account, signature, body, token, request id. A request that fails any of them changes nothing at all.
"""

import hashlib
import logging
import time
from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generations import doorbell, tally
from generations.arrivals import Arrival, land
from generations.failpoints import failpoint
from generations.fal.keys import KeySet, NoKeys
from generations.fal.replies import REQUEST_ID, Finished, loads, read_video
from generations.fal.signature import TOLERANCE, Malformed, Signed
from generations.models.attempt import hashed

logger = logging.getLogger(__name__)

BODY_CAP = 256 * 1024
# Older than the tolerance may be a late retry: worth a look at fal, not worth believing.
# Older still is a replay.
OLDEST = 3 * 3600


class Turned(Exception):
    """The request is turned away with this status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@cache
def keys() -> KeySet:
    """fal's keys, once per process."""
    return KeySet(settings.FAL_JWKS_URL)


@csrf_exempt
@login_not_required
@require_POST
def fal_webhook(request: HttpRequest, token: str) -> HttpResponse:
    """Store a delivery that proves to be fal's, for us, about this attempt. 2xx only once it is committed."""
    try:
        body = _cheap_body(request)
        signed = _signed(request)
        _verify(signed, body)
        assert failpoint("webhook.verified")
        _land(_read(token, signed, body))
    except Turned as turned:
        tally.count(tally.REFUSED, str(turned))
        return HttpResponse(str(turned), status=turned.status, content_type="text/plain")
    except (NoKeys, Error) as error:
        tally.count(tally.REFUSED, "no keys" if isinstance(error, NoKeys) else "no database")
        # fal sends it again; polling covers the rest.
        return HttpResponse("try again later", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


def _cheap_body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        raise Turned(411, "length required")
    if int(length) > BODY_CAP:
        raise Turned(413, "too large")
    if request.content_type != "application/json":
        raise Turned(400, "not json")
    return request.body


def _signed(request: HttpRequest) -> Signed:
    try:
        signed = Signed.of(request.headers)
    except Malformed as error:
        raise Turned(401, "signature headers") from error
    if abs(time.time() - int(signed.timestamp)) > OLDEST:
        raise Turned(400, "too old")
    return signed


def _verify(signed: Signed, body: bytes) -> None:
    """One key set signs for every fal account, so the account is compared first."""
    if not settings.FAL_WEBHOOK_USER_ID or signed.user_id != settings.FAL_WEBHOOK_USER_ID:
        raise Turned(401, "another account")
    if signed.verifies(body, keys().current()):
        return
    if keys().refetch() and signed.verifies(body, keys().current()):
        return
    raise Turned(401, "signature")


def _read(token: str, signed: Signed, body: bytes) -> Arrival:
    try:
        content = loads(body)
    except ValueError as error:
        raise Turned(400, "not json") from error
    request_id = content.get("request_id") if isinstance(content, dict) else None
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise Turned(400, "no request id")
    # After fal's own retry the header may carry the gateway's id.
    if signed.request_id not in (request_id, content.get("gateway_request_id")):
        raise Turned(400, "request ids differ")
    status = str(content.get("status", ""))[:10]
    stale = abs(time.time() - int(signed.timestamp)) > TOLERANCE
    told = status == "OK" and isinstance(read_video(content.get("payload")), Finished)
    return Arrival(
        token_hash=hashed(token),
        request_id=request_id,
        status=status,
        body=content,
        digest=hashlib.sha256(request_id.encode() + b"\n" + body).hexdigest(),
        stale=stale,
        brings=told and not stale,
    )


def _land(arrival: Arrival) -> None:
    landed = land(arrival)
    if landed is None:
        raise Turned(404, "unknown")
    if landed.known not in (None, arrival.request_id):
        logger.error(
            "generation=%s event=another_request fal_request=%s", landed.generation_id, arrival.request_id
        )
        raise Turned(409, "another request")
    logger.info(
        "generation=%s event=delivered fal_request=%s status=%s stored=%s moved=%s",
        landed.generation_id,
        arrival.request_id,
        arrival.status,
        landed.stored,
        landed.moved,
    )
    assert failpoint("webhook.stored")
    if landed.moved:
        # The reconciler rings the media workers, and gives the place at fal that became free to the next.
        doorbell.nudge()
    elif landed.stored:
        doorbell.poke(landed.generation_id)
    assert failpoint("webhook.rung")
