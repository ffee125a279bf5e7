"""The page for what went wrong: a database away for a moment is no fault, and says when to come again."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
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
