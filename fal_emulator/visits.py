"""Which calls faults may strike, and what each of them is about: the same words in every run."""

import hashlib

from fal_emulator.book import Book
from fal_emulator.effects import Place
from fal_emulator.exchange import Call
from fal_emulator.faults import Visit
from fal_emulator.follow_ups import ADDRESS
from fal_emulator.requests import Request

FOLLOW_UPS: dict[str, Place] = {"/cancel": "cancel", "/status": "status", "": "result", "/response": "result"}
LIST = "/v1/models/requests/by-endpoint"
KEYS = "/.well-known/jwks.json"
UPLOADS = ("/storage/upload/", "/files/upload")


def visit_of(call: Call, book: Book) -> Visit | None:
    """None for a call that always goes well; submits, whose input must be read first, see to themselves."""
    if call.path.startswith(UPLOADS):
        return upload(call)
    if call.path.startswith("/files/"):
        return about("download", clip_of(call, book), call.path)
    if call.path == LIST:
        return Visit("list", " ".join(call.query.get("endpoint_id", [])))
    if call.path == KEYS:
        return Visit("keys", "")
    address = ADDRESS.match(call.path)
    place = FOLLOW_UPS.get(address["what"]) if address else None
    return about(place, book.find(address["id"]), address["id"]) if address and place else None


def about(place: Place, request: Request | None, otherwise: str) -> Visit:
    if request is None:
        return Visit(place, otherwise)
    return Visit(place, request.subject, request.id, request.effect)


def upload(call: Call) -> Visit:
    """Names and addresses of uploads are drawn anew each time; what is sent is not."""
    content = hashlib.sha256(call.body).hexdigest() if call.method == "PUT" else ""
    return Visit("upload", f"{call.method} {call.headers['content-type']} {content}")


def clip_of(call: Call, book: Book) -> Request | None:
    """The request whose clip is asked for; a fate may have given out the address with a tail."""
    parts = call.path.split("/")
    return book.of_clip(parts[2].removesuffix("-gone")) if len(parts) > 2 else None
