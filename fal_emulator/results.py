"""What is told of a request: its status, its result and the body of its webhook."""

from fal_emulator.book import Book
from fal_emulator.exchange import Json
from fal_emulator.files import Files
from fal_emulator.requests import Request


def addresses(request: Request, base: str) -> Json:
    own = base + request.path
    return {
        "response_url": own,
        "status_url": f"{own}/status",
        "cancel_url": f"{own}/cancel",
    }


def status_of(request: Request, book: Book, base: str, with_logs: bool) -> tuple[int, Json]:
    """HTTP status and body of the status address."""
    body: Json = {
        "status": request.state,
        "request_id": request.id,
        **addresses(request, base),
    }
    if request.state == "IN_QUEUE":
        body["queue_position"] = book.ahead_of(request)
    else:
        body["logs"] = list(request.logs) if with_logs else None
    if request.state == "COMPLETED" and request.outcome:
        started = request.started_at or request.accepted_at
        body["metrics"] = {"inference_time": round((request.ended_at or started) - started, 3)}
        if request.outcome.error:
            body["error"] = request.outcome.error
        if request.outcome.error_type:
            body["error_type"] = request.outcome.error_type
    if request.effect.odd:
        body |= {
            "region": "elsewhere",
            "runner": {"generation": 7},
            "priority_class": None,
        }
    return (200 if request.state == "COMPLETED" else 202), body


def result_of(request: Request, base: str, files: Files) -> Json:
    """The body of the result address: the model's output itself, or the error's own body."""
    assert request.outcome is not None
    if not request.outcome.good:
        return request.outcome.body
    assert request.clip is not None
    video = {
        "url": base + clip_address(request, files),
        "content_type": request.clip.content_type,
        "file_name": request.clip.name,
        "file_size": request.clip_size,
    }
    if not request.effect.odd:
        return {"video": video}
    return {
        "video": {**video, "watermark": {"kind": "none"}},
        "timings": {"total": 1.5},
        "seed": None,
    }


def clip_address(request: Request, files: Files) -> str:
    """Where the clip is, or is said to be: two fates give out an address with nothing behind it."""
    assert request.clip is not None
    nowhere = f"/files/{request.clip.key}-gone/{request.clip.name}"
    if request.effect.gone:
        return nowhere
    if request.effect.gone_once and not files.visited(nowhere):
        return nowhere
    return request.clip.address


def webhook_of(request: Request, base: str, files: Files) -> Json:
    assert request.outcome is not None
    body: Json = {
        "request_id": request.id,
        "gateway_request_id": request.id,
        "status": "OK",
    }
    if not request.outcome.good:
        body["status"] = "ERROR"
        body["error"] = f"Invalid status code: {request.outcome.status}"
        if request.outcome.error_type:
            body["error_type"] = request.outcome.error_type
    body["payload"] = result_of(request, base, files)
    if request.effect.null_payload:
        body["payload"] = None
        body["payload_error"] = "Response payload could not be serialised to JSON."
    return body
