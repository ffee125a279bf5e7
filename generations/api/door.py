"""Around every address of the API: no sign-in page, no HTML, no error that is not a problem."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import HttpError, ValidationError

from generations.api.problems import Problem

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]
# What a request may be wrong in; the first that fits.
THEIRS: dict[type[Exception], str] = {
    Http404: "not-found",
    RequestDataTooBig: "too-large",
    HttpError: "malformed",
    BadRequest: "malformed",
    SuspiciousOperation: "malformed",
    UnreadablePostError: "malformed",
    MultiPartParserError: "malformed",
    UnicodeError: "malformed",
}


def door(view: View) -> View:
    """A view for programs: open to requests without a session, which show a token instead."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = _answered(view, request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, a program is told in its own format
            response = problem_of(error).response()
        if allowance := getattr(request, "allowance", None):
            for name, value in allowance.headers().items():
                response[name] = value
        response.setdefault("Cache-Control", "no-store")
        return response

    return csrf_exempt(login_not_required(inner))


def _answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    head = request.method == "HEAD"
    if head:  # whoever answers GET answers HEAD; the body is left out on the way
        request.method = "GET"
    try:
        response = view(request, *args, **kwargs)
    finally:
        if head:
            request.method = "HEAD"
    if response.status_code == 405:
        allowed = {*response["Allow"].split(", ")}
        allowed |= {"HEAD"} if "GET" in allowed else set()
        raise Problem("method-not-allowed", headers={"Allow": ", ".join(sorted(allowed))})
    return response


def problem_of(error: Exception) -> Problem:
    """What a program is told about an exception."""
    for told in (error, error.__cause__):
        if isinstance(told, Problem):
            return told
    if isinstance(error, ValidationError):
        return Problem("malformed") if _no_object(error) else Problem("invalid", errors=_by_name(error))
    for kind, name in THEIRS.items():
        if isinstance(error, kind):
            return Problem(name)
    return _ours(error)


def _ours(error: Exception) -> Problem:
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("event=api_database_away error=%s", type(error).__name__)
        return Problem("busy")
    logger.error("event=api_broken", exc_info=error)
    return Problem("broken")


def _no_object(error: ValidationError) -> bool:
    """Whether it is about the body as a whole, (body, <the view's argument>), and no parameter of it."""
    return any(each["loc"][0] == "body" and len(each["loc"]) == 2 for each in error.errors)


def _by_name(error: ValidationError) -> dict[str, list[str]]:
    """pydantic's list, by the name of the parameter."""
    found: dict[str, list[str]] = {}
    for each in error.errors:
        # (body, <the view's argument>, name, …), or (query, name)
        place = [str(part) for part in each["loc"][1:]]
        name = place[1] if each["loc"][0] == "body" and len(place) > 1 else (place or ["body"])[0]
        text = "Unknown parameter." if each["type"] == "extra_forbidden" else f"{each['msg']}."
        found.setdefault(name, []).append(text)
    return found
