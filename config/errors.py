"""The pages for what went wrong: a database away for a moment is no fault, and says when to come again."""

import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.views.defaults import server_error

RETRY_AFTER = 5  # seconds; a database that restarts is back by then


def broken(request: HttpRequest) -> HttpResponse:
    """500; or 503 while the database restarts, is full up or does not get to it in time."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError | InterfaceError):
        return server_error(request)
    # Without the request: a page with a person's name on it would ask the database again.
    page = loader.get_template("503.html").render()
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})


class ForFormsOnly:
    """Says so to whoever opens an address that only takes forms, as by Enter in the address bar after one.

    Django's answer is empty, for which browsers show a page of their own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and request.method == "GET" and response.content == b"":
            response.content = render(request, "405.html").content
        return response
