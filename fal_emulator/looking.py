"""Requests as the control surface shows them."""

from urllib.parse import urlsplit

from fal_emulator.exchange import Json
from fal_emulator.requests import Request, iso


def summary(request: Request) -> Json:
    return {
        "request_id": request.id,
        "endpoint": request.endpoint.id,
        "state": request.state,
        "status_code": request.outcome.status if request.outcome else None,
        "cancelling": request.cancelling,
        "accepted_at": iso(request.accepted_at),
        "ended_at": iso(request.ended_at) if request.ended_at else None,
        "webhook": request.webhook,
        "delivered": request.delivered,
        "digest": request.digest,
        "clip": request.clip.address if request.clip else None,
    }


def oracle_row(request: Request) -> Json:
    """What a checker must know of a request, flat and from the journal alone."""
    return {
        "request_id": request.id,
        "endpoint": request.endpoint.id,
        "prompt": request.given.get("prompt"),
        "seed": request.given.get("seed"),
        "webhook": request.webhook,
        "token": token_of(request.webhook),
        "fates": request.fates,
        "state": request.state,
        "status_code": request.outcome.status if request.outcome else None,
        "accepted_at": request.accepted_at,
        "ended_at": request.ended_at,
        "attempts": request.attempts,
        "delivered": request.taken,
        "cancels": request.cancels,
        "downloads": request.downloads,
        "served": request.served,
        "served_whole": request.served_whole,
        "clip_size": request.clip_size if request.clip else None,
        "clip_sha256": request.clip_sha256 if request.clip else None,
        "digest": request.digest,
    }


def token_of(webhook: str | None) -> str | None:
    """The last part of the webhook's path: where a caller puts what it recognises its request by."""
    return urlsplit(webhook).path.rstrip("/").rpartition("/")[2] if webhook else None
