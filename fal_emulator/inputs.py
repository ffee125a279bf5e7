"""Media that a caller gives by address: reading them, and fal's complaints about them."""

import base64
import binascii
import io
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import av
from PIL import Image, ImageOps, UnidentifiedImageError

from fal_emulator.endpoints import EXTEND_INPUT_LIMIT, Field
from fal_emulator.exchange import Json
from fal_emulator.failures import problem
from fal_emulator.files import Files

Loc = list[str | int]
DAMAGE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
)
SLACK = 0.25  # seconds; a clip sold as 8 s may hold a frame more


@dataclass(frozen=True)
class Media:
    """Where a caller's media may come from: our own file store, or the address itself."""

    files: Files
    hosts: frozenset[str]  # host[:port] under which this server is known

    def local(self, url: str) -> Path | None:
        """The path of one of our own files; None when it is elsewhere or missing.

        The key alone decides, as it is unguessable: a restart may have changed our own address.
        """
        file = self.files.find(urlsplit(url).path)
        return self.files.path(file) if file else None

    def ours(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.netloc in self.hosts and parts.path.startswith("/files/")

    def content(self, url: str) -> bytes | None:
        """The bytes, when they can be had without asking another server."""
        if url.startswith("data:"):
            return decoded(url)
        path = self.local(url)
        return path.read_bytes() if path else None

    def picture(self, url: str) -> Image.Image | None:
        """The caller's image, or the first picture of the caller's video."""
        content = self.content(url)
        if content is None:
            return None
        try:
            image = Image.open(io.BytesIO(content))
            return ImageOps.exif_transpose(image).convert("RGB")
        except (UnidentifiedImageError, OSError):
            return first_frame(content)

    def check(self, field: Field, url: str, loc: Loc) -> Json:
        """The entry of a 422 detail list for this address, or None when it will do."""
        try:
            scheme = urlsplit(url).scheme
            content = self.content(url)
        except (ValueError, binascii.Error):
            return problem(
                "file_download_error",
                loc,
                "Failed to download the file.",
                given=url[:80],
            )
        if scheme not in ("http", "https", "data") or (content is None and self.ours(url)):
            return problem("file_download_error", loc, "Failed to download the file.", given=url)
        if content is None:
            return None  # elsewhere: fal would fetch it, this emulator takes it on trust
        if field.max_bytes and len(content) > field.max_bytes:
            limit = {"max_size": field.max_bytes}
            return problem("file_too_large", loc, "The file is too large.", limit, url[:80])
        return check_video(content, loc) if field.kind == "video" else check_image(content, loc)


def decoded(url: str) -> bytes:
    """The bytes of a data: address. Raises ValueError when it is not one."""
    head, comma, data = url.partition(",")
    if not comma:
        raise ValueError("data address without data")
    if head.endswith(";base64"):
        return base64.b64decode(data, validate=True)
    return unquote_to_bytes(data)


def check_image(content: bytes, loc: Loc) -> Json:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
    except DAMAGE:
        return problem("image_load_error", loc, "The image could not be loaded.")
    return None


def check_video(content: bytes, loc: Loc) -> Json:
    seconds = video_seconds(content)
    if seconds is None:
        formats = {"supported_formats": [".mp4", ".mov", ".webm", ".m4v", ".gif"]}
        return problem(
            "unsupported_video_format",
            loc,
            "The video format is not supported.",
            formats,
        )
    if seconds > EXTEND_INPUT_LIMIT + SLACK:
        context = {
            "max_duration": EXTEND_INPUT_LIMIT,
            "provided_duration": round(seconds, 2),
        }
        return problem("video_duration_too_long", loc, "The video is too long.", context)
    return None


def video_seconds(content: bytes) -> float | None:
    """The length of a video; None when it is not one."""
    try:
        with av.open(io.BytesIO(content), "r") as container:
            if not container.streams.video:
                return None
            return (container.duration or 0) / av.time_base
    except (av.FFmpegError, ValueError):
        return None


def first_frame(content: bytes) -> Image.Image | None:
    try:
        with av.open(io.BytesIO(content), "r") as container:
            frame = next(container.decode(video=0))
            image: Image.Image = frame.to_image()
            return image
    except (av.FFmpegError, ValueError, IndexError, StopIteration):
        return None
