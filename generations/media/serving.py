"""Serve private files with byte ranges: players seek, and a seek must not send the whole clip."""

import re
from collections.abc import Iterator
from typing import IO

from django.core.files.storage import Storage
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase

RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
CHUNK = 256 * 1024


def serve(
    request: HttpRequest, storage: Storage, key: str, *, content_type: str, download: str = ""
) -> HttpResponseBase:
    """The file, or the range of it that was asked for. Who may have it was decided before."""
    try:
        storage.path(key)
    except NotImplementedError:
        # An object store: five minutes of a signed address instead of our own bandwidth.
        return HttpResponseRedirect(storage.url(key))
    size = storage.size(key)
    span = _span(request.headers.get("Range", ""), size)
    response: HttpResponseBase
    if span is None:
        response = FileResponse(storage.open(key))
        response["Content-Length"] = str(size)
    elif span[0] >= size:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        response = StreamingHttpResponse(Slice(storage.open(key), *span), status=206)
        response["Content-Range"] = f"bytes {span[0]}-{span[1]}/{size}"
        response["Content-Length"] = str(span[1] - span[0] + 1)
    return _guarded(response, content_type, download)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range; None means the whole file, as for several or odd ranges."""
    match = RANGE.fullmatch(header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    end = min(int(last), size - 1) if last else size - 1
    return None if end < int(first) < size else (int(first), end)


class Slice:
    """Some bytes of a file, closed with the response even if nobody reads it (HEAD, a closed tab)."""

    def __init__(self, file: IO[bytes], first: int, last: int) -> None:
        file.seek(first)
        self.file, self.left = file, last - first + 1

    def __iter__(self) -> Iterator[bytes]:
        while self.left > 0 and (chunk := self.file.read(min(CHUNK, self.left))):
            self.left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Called by Django when the response ends."""
        self.file.close()


def _guarded(response: HttpResponseBase, content_type: str, download: str) -> HttpResponseBase:
    response["Content-Type"] = content_type
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=300"
    response["X-Content-Type-Options"] = "nosniff"
    # Whatever is in the file, a browser shows it as a picture or a video and runs nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    if download:
        response["Content-Disposition"] = f'attachment; filename="{download}"'
    return response
