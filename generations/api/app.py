"""The API as django-ninja has it: its nouns, and errors left to the door around it."""

import json
from typing import Any, NoReturn

from django.http import Http404, HttpRequest
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation
from ninja.parser import Parser

from generations.api import credits as credit_calls
from generations.api import endpoints, generations, quotes, uploads
from generations.api.bearer import Bearer
from generations.api.problems import Problem


class JsonOnly(Parser):
    """A body is JSON and says so."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Raises what the door turns into a problem."""
        if request.content_type != "application/json":
            raise Problem("wrong-content-type")
        return json.loads(request.body)


def _leave_it(request: HttpRequest, error: Any) -> NoReturn:
    raise error


class Api(NinjaAPI):
    """With names of calls that generated clients can have for their functions."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """`generations_created` and the like."""
        module = operation.view_func.__module__.rpartition(".")[2]
        return f"{module}_{operation.view_func.__name__}"


api = Api(
    title="Dailies API",
    version="1",
    description="Video generation for programs: what a person can do on the pages, with a token.",
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
    auth=Bearer(),
    parser=JsonOnly(),
)
for kind in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(kind, _leave_it)
for noun in (endpoints, quotes, uploads, generations, credit_calls):
    api.add_router("", noun.router)
