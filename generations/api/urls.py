"""Addresses of the API."""

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, re_path

from generations.api import pages
from generations.api.app import api
from generations.api.door import door
from generations.api.problems import Problem

app_name = "api"


def _nothing(request: HttpRequest, **_: str) -> HttpResponseBase:
    raise Problem("not-found", "There is no such address in the API.")


def _behind_the_door() -> list[URLPattern]:
    calls = [each for each in api.urls[0] if isinstance(each, URLPattern) and each.name != "api-root"]
    return [URLPattern(each.pattern, door(each.callback), each.default_args, each.name) for each in calls]


urlpatterns = [
    path("openapi.json", door(pages.openapi), name="openapi"),
    re_path(r"^docs/?$", pages.docs, name="docs"),
    *_behind_the_door(),
    re_path("", door(_nothing), name="nothing"),  # whatever it is, an end of line in it included
]
