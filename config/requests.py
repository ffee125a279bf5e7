"""Each web request has a name: its log lines carry it and its answer tells it."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import trace

logger = logging.getLogger(__name__)

# What a proxy in front of us calls it, if that is a name: it ends up in logs.
SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
SLOW = 1.0  # seconds
# They say themselves, in one line, what they changed.
TELLING = {"fal_webhook"}


class NameRequests:
    """Honours `X-Request-ID`, or invents one; logs what changed something, broke or was slow."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if SANE.fullmatch(given) else uuid.uuid4().hex
        began = time.monotonic()
        with trace.about(request=name):
            response = self.get_response(request)
            _log(request, response, time.monotonic() - began)
        response["X-Request-ID"] = name
        return response


class OnlyUtf8:
    """Reads every request as UTF-8, whatever it says of itself: our forms and the API know nothing else.

    Django would take any codec that Python has, and some of those are none for text.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.encoding:
            request.encoding = "utf-8"
        return self.get_response(request)


def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Refusals are left out, or a flood of forgeries would fill the disk; the pages' polling as well."""
    # Not the address: fal's has a token in it, and others name what is nobody's business.
    view = request.resolver_match.view_name if request.resolver_match else "none"
    changed = request.method not in ("GET", "HEAD", "OPTIONS") and response.status_code < 400
    if (changed and view not in TELLING) or response.status_code >= 500 or seconds > SLOW:
        words = request.method, view, response.status_code, round(seconds * 1000)
        logger.info("event=request method=%s view=%s status=%s ms=%s", *words)
