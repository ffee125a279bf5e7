"""The OpenAPI description: what django-ninja knows, and what the catalogue and the problems add."""

from functools import cache
from typing import Any

from generations.api.app import api
from generations.api.problems import CONTENT_TYPE, KINDS
from generations.api.representation import ProblemOut
from generations.catalogue import CATALOGUE
from generations.schema import input_schema
from generations.telling import ROOT

PROBLEM = {"$ref": "#/components/schemas/Problem"}
# What any call may be answered with, and what some may on top.
ALWAYS = {400, 401, 403, 404, 405, 415, 422, 429, 500, 503}
ALSO: dict[tuple[str, str], set[int]] = {
    ("post", "/quotes"): {413},
    ("post", "/uploads"): {413},
    ("post", "/generations"): {402, 409, 413},
    ("post", "/generations/{pk}/cancel"): {409},
    ("get", "/generations/{pk}/video"): {409, 416},
}
# What our views call it, and what a reader does.
NAMES = {"pk": "id", "endpoint_id": "id"}
ALLOWANCE = {
    name: {"description": text, "schema": {"type": "integer"}}
    for name, text in {
        "RateLimit-Limit": "Requests a minute.",
        "RateLimit-Remaining": "How many of them are left.",
        "RateLimit-Reset": "Seconds until there are more.",
    }.items()
}
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key and body again get the same answer; another body gets 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}


@cache
def described() -> dict[str, Any]:
    """OpenAPI 3.1; constant for a deployment."""
    found: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=f"{ROOT}/"))
    found["servers"] = [{"url": "/"}]
    schemas = found["components"]["schemas"]
    schemas["Problem"] = ProblemOut.model_json_schema()
    schemas["Wish"] = {"oneOf": [_wish(name) for name in CATALOGUE]}
    for path, calls in found["paths"].items():
        for method, call in calls.items():
            call["responses"] = _responses(call["responses"], method, path.removeprefix(ROOT))
            for parameter in call["parameters"]:
                parameter["name"] = NAMES.get(parameter["name"], parameter["name"])
    paths = {_renamed(path): calls for path, calls in found["paths"].items()}
    found["paths"] = paths
    paths[f"{ROOT}/generations"]["post"]["parameters"].append(KEY)
    video = paths[f"{ROOT}/generations/{{id}}/video"]["get"]
    video["parameters"].append(
        {"in": "header", "name": "Range", "required": False, "schema": {"type": "string"}}
    )
    mp4 = {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}
    video["responses"] |= {
        "200": {"description": "The whole file", "content": mp4},
        "206": {"description": "The bytes asked for", "content": mp4},
        "302": {"description": "Where the file is, for five minutes"},
    }
    return found


def _renamed(path: str) -> str:
    for ours, theirs in NAMES.items():
        path = path.replace(f"{{{ours}}}", f"{{{theirs}}}")
    return path


def _responses(known: dict[Any, Any], method: str, path: str) -> dict[str, Any]:
    told = {str(status): {**answer, "headers": ALLOWANCE} for status, answer in known.items()}
    for status in sorted(ALWAYS | ALSO.get((method, path), set())):
        kinds = [f"{name}: {kind.title}" for name, kind in KINDS.items() if kind.status == status]
        told[str(status)] = {
            "description": "; ".join(kinds),
            "content": {CONTENT_TYPE: {"schema": PROBLEM}},
        }
    return told


def _wish(name: str) -> dict[str, Any]:
    """What may be asked of one endpoint."""
    return {
        "title": CATALOGUE[name].title,
        "type": "object",
        "properties": {"endpoint": {"const": name, "type": "string"}, "input": input_schema(CATALOGUE[name])},
        "required": ["endpoint", "input"],
        "additionalProperties": False,
    }
