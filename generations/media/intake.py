"""Take files in: cheap checks first, then a child process, then our storage and a row.

What is stored is never what was sent: pictures are re-encoded, and only a readable MP4 is kept.
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from accounts.policy import Actor
from generations.media import sandbox
from generations.media.crop import crop
from generations.media.scratch import fresh_folder
from generations.media.vault import NotStored, new_key, put, remove
from generations.models import Clip, Generation, Upload

logger = logging.getLogger(__name__)

# fal says "8MB" without saying which; the smaller reading is accepted by both.
MAX_IMAGE_BYTES = 8_000_000
MAX_VIDEO_BYTES = 100_000_000
# A clip of nominally 8 s may carry a frame more.
SECONDS_TOLERANCE = 0.15
VIDEO_HEIGHTS = (720, 1080)

# What 40 megapixels take: WebP is decoded into canvases of its own before Pillow copies it.
MEMORY_MIB = {"jpeg": 512, "png": 512, "webp": 1024}
# Files with an MP4's outline that are no MP4: QuickTime, HEIF and AVIF.
FOREIGN_BRANDS = (b"qt  ", b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx ")


def receive(file: "UploadedFile[Any]", kind: Upload.Kind, actor: Actor) -> Upload:
    """The row for a file somebody sent; the same bytes again are the same row. Raises ValidationError."""
    _check_cheaply(file, kind)
    try:
        return _taken_in(file, kind, actor)
    except sandbox.Rejected as error:
        raise ValidationError(str(error)) from error
    except (sandbox.Disturbed, NotStored, OSError) as error:
        logger.error("event=not_taken_in error=%s", type(error).__name__)  # noqa: TRY400 - its text may name the file
        raise ValidationError("We could not keep this file at the moment. Please try again later.") from error


def _taken_in(file: "UploadedFile[Any]", kind: Upload.Kind, actor: Actor) -> Upload:
    with fresh_folder() as folder:
        source = folder / "source"
        digest = _spool(file, source)
        known = Upload.objects.filter(workspace=actor.workspace, kind=kind, source_sha256=digest).first()
        if known:
            return _sent_too(known, file)
        found, kept = _inspect(source, kind, folder)
        upload = Upload(
            workspace=actor.workspace,
            author=actor.user,
            kind=kind,
            name=_name(file),
            content_type="image/jpeg" if kind == Upload.Kind.IMAGE else "video/mp4",
            source_sha256=digest,
            size=kept.stat().st_size,
            width=found["width"],
            height=found["height"],
            seconds=found.get("seconds"),
        )
        suffix = ".jpg" if kind == Upload.Kind.IMAGE else ".mp4"
        upload.file = put(kept, new_key("uploads", actor.workspace.pk, suffix))
        return _kept_once(upload)


def _sent_too(known: Upload, file: "UploadedFile[Any]") -> Upload:
    """Who sends the bytes of a clip has them: the row is an ordinary upload from now on, by their name.

    As the clip's it would be hidden from them when that is a colleague's and private, and tell its prompt.
    """
    if known.clip_id is not None:
        known.clip, known.name = None, _name(file)
        known.save(update_fields=["clip", "name"])
    return known


def _name(file: "UploadedFile[Any]") -> str:
    return Path(file.name or "upload").name[:200]


def from_clip(generation: Generation, actor: Actor) -> Upload:
    """A finished clip as input for an extension; no byte is copied. Raises ValidationError."""
    clip = check_extendable(generation)
    return _kept_once(
        Upload(
            workspace=actor.workspace,
            author=actor.user,
            kind=Upload.Kind.VIDEO,
            name=f"{generation.prompt[:60]}.mp4",
            file=clip.file,
            content_type=clip.content_type,
            source_sha256=clip.sha256,
            size=clip.size,
            width=clip.width,
            height=clip.height,
            seconds=clip.seconds,
            clip=clip,
        )
    )


def check_extendable(generation: Generation) -> Clip:
    """The clip of a generation, if fal may extend it. Raises ValidationError."""
    clip = generation.clip
    if clip is None:
        raise ValidationError("This clip is not ready yet.")
    check_video(clip.width, clip.height, clip.seconds)
    return clip


def check_video(width: int, height: int, seconds: float) -> None:
    """fal's limits for a clip to extend. Raises ValidationError."""
    longest = settings.EXTEND_MAX_SECONDS
    if seconds > longest + SECONDS_TOLERANCE:
        raise ValidationError(
            f"This clip is {seconds:.1f} s long; clips of up to {longest:g} s can be extended.",
            code="too_long",
        )
    if min(width, height) not in VIDEO_HEIGHTS or crop(width, height, "auto").lost:
        raise ValidationError(
            f"This clip is {width} × {height}; 16:9 and 9:16 in 720p or 1080p can be extended.", code="size"
        )


def picture_format(head: bytes) -> str | None:
    """`jpeg`, `png` or `webp` by a file's first bytes; None for anything else, whatever its name says."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _check_cheaply(file: "UploadedFile[Any]", kind: Upload.Kind) -> None:
    limit = MAX_IMAGE_BYTES if kind == Upload.Kind.IMAGE else MAX_VIDEO_BYTES
    if (file.size or 0) > limit:
        raise ValidationError(f"This file is larger than {limit // 1_000_000} MB.", code="too_large")
    head = file.read(16)
    file.seek(0)
    if not head:
        raise ValidationError("This file is empty.", code="empty")
    if kind == Upload.Kind.IMAGE and picture_format(head) is None:
        raise ValidationError("Only JPEG, PNG and WebP pictures are accepted.", code="type")
    if kind == Upload.Kind.VIDEO and (head[4:8] != b"ftyp" or head[8:12] in FOREIGN_BRANDS):
        raise ValidationError("Only MP4 videos are accepted.", code="type")


def _spool(file: "UploadedFile[Any]", target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for chunk in file.chunks():
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _inspect(source: Path, kind: Upload.Kind, folder: Path) -> tuple[dict[str, Any], Path]:
    if kind == Upload.Kind.IMAGE:
        target = folder / "clean.jpg"
        with source.open("rb") as file:
            memory = MEMORY_MIB[picture_format(file.read(16)) or "jpeg"]
        found = sandbox.run(
            "generations.media.picture", str(source), str(target), memory_mib=memory, cpu_seconds=10
        )
        return found, target
    found = sandbox.run("generations.media.video", str(source), memory_mib=1024, cpu_seconds=20)
    check_video(found["width"], found["height"], found["seconds"])
    return found, source


def _kept_once(upload: Upload) -> Upload:
    """Two tabs may send the same file at once: the unique key decides, both get the one row."""
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:
        if upload.clip is None:
            remove(upload.file)
        return Upload.objects.get(
            workspace_id=upload.workspace_id, kind=upload.kind, source_sha256=upload.source_sha256
        )
    return upload
