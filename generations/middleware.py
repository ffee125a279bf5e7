"""fal's way in: past everything that is made for people."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from generations.urls import WEBHOOK


class FalsDoor:
    """Answers fal's webhook itself: no session, no sign-in, no policy for browsers, no redirect.

    fal follows none, and a flood of forgeries is refused in a third of the processor's time.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = WEBHOOK.resolve(request.path_info.removeprefix("/"))
        if match is None:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        response.setdefault("Content-Length", str(len(response.content)))
        return response
