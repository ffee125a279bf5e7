"""Uploads in the three forms that fal's clients use, and downloads with byte ranges."""

import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path

from fal_emulator import gate
from fal_emulator.exchange import Answer, Call, json_answer
from fal_emulator.files import StoredFile, lifetime_in
from fal_emulator.world import World

TOKEN_LIFE = timedelta(hours=1)
PIECE = 256 * 1024  # bytes sent at a time
MULTIPART = re.compile(r"^/files/(?P<key>[^/]+)/[^/]+/multipart/(?P<upload>[^/]+)/(?P<step>\w+)$")
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
MISSING = {"detail": "File not found"}


class Cdn:
    def __init__(self, world: World) -> None:
        self.world = world
        self._tokens: dict[str, float] = {}
        self._uploads: dict[str, str] = {}  # signed upload or multipart id, to file key

    def storage(self, call: Call) -> Answer:
        """The /storage/ addresses: asking for a token, asking for an upload address, using it."""
        if call.path.startswith("/storage/upload/put/") and call.method == "PUT":
            return self._put(call)
        if refused := gate.refusal(call):
            return refused
        if call.path == "/storage/auth/token" and call.method == "POST":
            return self._token(call)
        if call.path == "/storage/upload/initiate" and call.method == "POST":
            return self._initiate(call)
        return json_answer(404, {"detail": "Not Found"})

    def files(self, call: Call) -> Answer:
        """The /files/ addresses."""
        step = MULTIPART.match(call.path)
        if call.method in ("GET", "HEAD"):
            return self._download(call)
        if call.path in ("/files/upload", "/files/upload/multipart") or step:
            if not self._authorised(call):
                return json_answer(401, {"detail": "Invalid upload token."})
            return self._part(call, step) if step else self._upload(call)
        return json_answer(405, {"detail": "Method Not Allowed"})

    def _token(self, call: Call) -> Answer:
        token, ends = secrets.token_urlsafe(24), datetime.now(UTC) + TOKEN_LIFE
        self._tokens[token] = ends.timestamp()
        body = {
            "token": token,
            "token_type": "Bearer",
            "base_url": call.base,
            "expires_at": ends.isoformat(),
        }
        return json_answer(200, body)

    def _authorised(self, call: Call) -> bool:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        fresh = self._tokens.get(token, 0) > time.time()
        return gate.has_key(call) or (scheme == "Bearer" and fresh)

    def _initiate(self, call: Call) -> Answer:
        try:
            wish = call.json()
            name, kind = str(wish["file_name"]), str(wish["content_type"])
        except (ValueError, KeyError, TypeError):
            return json_answer(422, {"detail": "file_name and content_type are required"})
        lifetime = lifetime_in(call.headers.get("x-fal-object-lifecycle-preference"))
        file = self.world.files.reserve(name, kind, lifetime)
        ticket = secrets.token_urlsafe(24)
        self._uploads[ticket] = file.key
        put = f"{call.base}/storage/upload/put/{ticket}"
        return json_answer(200, {"upload_url": put, "file_url": call.base + file.address})

    def _put(self, call: Call) -> Answer:
        """The signed address is its own permission, as a bucket's would be."""
        file = self._uploading(call.path.rsplit("/", 1)[-1])
        if file is None:
            return json_answer(403, {"detail": "The upload address is not valid."})
        self.world.files.store(file, call.body)
        return Answer(200, headers=(("ETag", etag(call.body)),))

    def _upload(self, call: Call) -> Answer:
        name = call.headers.get("x-fal-file-name", "upload.bin")
        wish = call.headers.get("x-fal-object-lifecycle")
        lifetime = lifetime_in(wish or call.headers.get("x-fal-object-lifecycle-preference"))
        file = self.world.files.reserve(name, call.headers["content-type"], lifetime)
        body = {"access_url": call.base + file.address}
        if call.path.endswith("/multipart"):
            upload = secrets.token_urlsafe(12)
            self._uploads[upload] = file.key
            return json_answer(200, {**body, "uploadId": upload})
        self.world.files.store(file, call.body)
        return json_answer(200, body)

    def _part(self, call: Call, step: re.Match[str]) -> Answer:
        file = self._uploading(step["upload"])
        if file is None or file.key != step["key"]:
            return json_answer(404, MISSING)
        folder = self.world.files.path(file).parent
        if step["step"] != "complete":
            (folder / f".part-{int(step['step'])}").write_bytes(call.body)
            return Answer(200, headers=(("ETag", etag(call.body)),))
        return self._assemble(call, file, folder)

    def _assemble(self, call: Call, file: StoredFile, folder: Path) -> Answer:
        """Put the announced parts together, in order, when each is what its caller sent."""
        pieces = []
        try:
            for part in sorted(call.json()["parts"], key=lambda part: int(part["partNumber"])):
                piece = (folder / f".part-{int(part['partNumber'])}").read_bytes()
                if part["etag"] != etag(piece):
                    return json_answer(400, {"detail": "A part does not match its etag."})
                pieces.append(piece)
        except (ValueError, KeyError, TypeError, FileNotFoundError):
            return json_answer(400, {"detail": "A part is missing."})
        self.world.files.store(file, b"".join(pieces))
        for path in folder.glob(".part-*"):
            path.unlink()
        return json_answer(200, {"access_url": call.base + file.address})

    def _uploading(self, ticket: str) -> StoredFile | None:
        key = self._uploads.get(ticket)
        return self.world.files.reserved(key) if key else None

    def _download(self, call: Call) -> Answer:
        file = self.world.files.find(call.path)
        if file is None:
            self.world.files.first_visit(call.path)
            return json_answer(404, MISSING)
        path = self.world.files.path(file)
        size = path.stat().st_size
        headers = [
            ("Content-Type", file.content_type),
            ("Accept-Ranges", "bytes"),
            ("ETag", f'"{file.key}"'),
            ("Last-Modified", formatdate(file.created_at, usegmt=True)),
            ("Access-Control-Allow-Origin", "*"),
        ]
        span = wanted_range(call, file, size)
        if span == (0, 0) and size:
            return Answer(416, headers=(("Content-Range", f"bytes */{size}"),))
        start, stop = span or (0, size)
        headers.append(("Content-Length", str(stop - start)))
        if span:
            headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
        if call.method == "HEAD":
            return Answer(200, headers=tuple(headers), stream=())
        body = pieces_of(path, start, stop)
        return Answer(206 if span else 200, headers=tuple(headers), stream=body)


def wanted_range(call: Call, file: StoredFile, size: int) -> tuple[int, int] | None:
    """(start, stop) of the wanted bytes, None for all of them, (0, 0) when out of reach."""
    match = RANGE.match(call.headers.get("range", ""))
    condition = call.headers.get("if-range")
    if not match or match.groups() == ("", "") or condition not in (None, f'"{file.key}"'):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < stop else (0, 0)


def pieces_of(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as source:
        source.seek(start)
        left = stop - start
        while left > 0 and (piece := source.read(min(PIECE, left))):
            left -= len(piece)
            yield piece


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
