"""fal's many error shapes, translated by table into the few reasons a person is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a generation ended without a clip. Templates hold the words for people."""

    CONTENT_POLICY = "content_policy"
    BAD_INPUT = "bad_input"
    BUSY = "busy"
    TIMEOUT = "timeout"
    PROVIDER_FAULT = "provider_fault"
    FILE_NOT_FETCHED = "file_not_fetched"
    # Found by us, not said by fal:
    MEDIA_LOST = "media_lost"
    UNCONFIRMED = "unconfirmed"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    # Over a budget that asks:
    DENIED = "denied"
    UNDECIDED = "undecided"


# Model errors (`detail[].type`) and platform errors (`error_type`) in one table: the words do not clash.
REASONS: Mapping[str, Reason] = {
    "content_policy_violation": Reason.CONTENT_POLICY,
    "no_media_generated": Reason.CONTENT_POLICY,
    "generation_timeout": Reason.TIMEOUT,
    "request_timeout": Reason.TIMEOUT,
    "startup_timeout": Reason.TIMEOUT,
    "file_download_error": Reason.FILE_NOT_FETCHED,
    "image_load_error": Reason.FILE_NOT_FETCHED,
    "internal_server_error": Reason.PROVIDER_FAULT,
    "downstream_service_error": Reason.PROVIDER_FAULT,
    "downstream_service_unavailable": Reason.PROVIDER_FAULT,
    "internal_error": Reason.PROVIDER_FAULT,
    "runner_scheduling_failure": Reason.BUSY,
    "runner_connection_timeout": Reason.PROVIDER_FAULT,
    "runner_disconnected": Reason.PROVIDER_FAULT,
    "runner_connection_refused": Reason.PROVIDER_FAULT,
    "runner_connection_error": Reason.PROVIDER_FAULT,
    "runner_incomplete_response": Reason.PROVIDER_FAULT,
    "runner_server_error": Reason.PROVIDER_FAULT,
    "client_cancelled": Reason.CANCELLED,
    "client_disconnected": Reason.PROVIDER_FAULT,
    "concurrent_requests_limit": Reason.BUSY,
}


@dataclass(frozen=True)
class Failure:
    """What fal said went wrong. `message` is fal's own and may echo a prompt: show it, never log it."""

    reason: Reason
    http: int
    field: str = ""
    message: str = ""
    kind: str = ""
    raw: dict[str, Any] = dataclass_field(default_factory=dict, repr=False)


def read_failure(http: int, body: Any, header_type: str = "") -> Failure:
    """A failure from an error status and body of any known shape; unknown ones go by the status."""
    raw = body if isinstance(body, dict) else {"body": body}
    detail = raw.get("detail")
    kind, field_name = str(raw.get("error_type") or header_type or ""), ""
    message = str(raw.get("error") or "")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        kind = str(first.get("type") or kind)
        message = str(first.get("msg") or message)
        field_name = _field_of(first.get("loc"))
    elif isinstance(detail, str):
        message = detail
    return Failure(_reason(http, kind), http, field_name, message[:500], kind, _without_echo(raw))


def _reason(http: int, kind: str) -> Reason:
    if kind in REASONS:
        return REASONS[kind]
    if http == 429:
        return Reason.BUSY
    if http in (408, 504):
        return Reason.TIMEOUT
    if http == 499:
        return Reason.CANCELLED
    return Reason.BAD_INPUT if 400 <= http < 500 else Reason.PROVIDER_FAULT


def _field_of(loc: Any) -> str:
    """`["body", "image_urls", 0]` is about `image_urls`."""
    names = [str(part) for part in loc if isinstance(part, str)] if isinstance(loc, list) else []
    return names[1] if len(names) > 1 and names[0] == "body" else (names[0] if names else "")


def _without_echo(raw: dict[str, Any]) -> dict[str, Any]:
    """`detail[].input` echoes prompts and whole data URIs; nobody needs them twice."""
    detail = raw.get("detail")
    if not isinstance(detail, list):
        return raw
    kept = [
        {key: value for key, value in each.items() if key != "input"} if isinstance(each, dict) else each
        for each in detail
    ]
    return {**raw, "detail": kept}
