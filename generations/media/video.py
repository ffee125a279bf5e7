"""Child process: look into an MP4 and draw its poster.

Given SOURCE, perhaps POSTER and perhaps `joined`, `main` prints width, height, seconds and has_audio, or
`{"error"}`.
The demuxer is pinned and the file is local, so no playlist can make it open anything else.
Knows no Django: it is started with little memory.
"""

import sys
from pathlib import Path
from typing import Any

import av
import PIL.WebPImagePlugin  # noqa: F401 - loaded once in the nursery, rather than in the child of every file
from PIL import Image

from generations.media import verdict

Image.preinit()  # the same

POSTER_WIDTH = 640
# The header may promise a little more than the packets hold: edit lists, a last frame of no length.
MISSING = 0.5  # seconds


def probe(source: str, poster: str | None = None, joined: str = "") -> dict[str, Any]:
    """What the file itself says, not what anybody claims about it. Of one that is `joined`, to its end."""
    with av.open(source, format="mov") as container:
        if not container.streams.video:
            return {"error": "There is no picture in this file."}
        video = container.streams.video[0]
        video.thread_count = 1
        promised = _promised(container, video)
        frame = next(container.decode(video))
        if poster:
            _draw(container, video, frame, poster, at=promised / 2)
        found = _found(container, video)
        if found < promised - MISSING:
            return {"error": "This video is cut off: its end is missing."}
        if joined and not (_tiled(Path(source)) and _plays_out(source)):
            return {"error": "The parts of this video do not belong together."}
        return {
            "width": frame.width,
            "height": frame.height,
            "seconds": round(max(promised, found), 3),
            "has_audio": bool(container.streams.audio),
        }


def _promised(container: Any, video: Any) -> float:
    """By the header, of the picture: an audio track may be some milliseconds longer."""
    if video.duration and video.time_base:
        return float(video.duration * video.time_base)
    return float(container.duration or 0) / av.time_base


def _found(container: Any, video: Any) -> float:
    """By the packets that are really there: a header may lie about a long clip, or the file be cut off."""
    container.seek(0)
    spans = [
        (packet.pts, packet.pts + (packet.duration or 0))
        for packet in container.demux(video)
        if packet.pts is not None and packet.size
    ]
    if not spans or not video.time_base:
        return 0.0
    return float((max(end for _, end in spans) - min(start for start, _ in spans)) * video.time_base)


def _tiled(source: Path) -> bool:
    """Whether one box follows the other up to the last byte."""
    size, at = source.stat().st_size, 0
    with source.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4])
            if length == 1:  # it does not fit into four bytes, and stands behind the name
                length = int.from_bytes(head[8:])
            elif not length:  # the last one may say that it goes on to the end
                length = size - at
            if length < 8 or not head[4:8].isascii():
                return False
            at += length
    return at == size


def _plays_out(source: str) -> bool:
    """Whether its last pictures and sounds can be decoded with nothing made up. It may raise as well."""
    with av.open(source, format="mov") as container:
        for stream in container.streams:
            if stream.type in ("video", "audio"):
                stream.codec_context.options = {"err_detect": "explode"}
                container.seek(stream.duration or 0, stream=stream)
                frames = [getattr(frame, "is_corrupt", False) for frame in container.decode(stream)]
                if not frames or any(frames):
                    return False
    return True


def _draw(container: Any, video: Any, first: Any, poster: str, *, at: float) -> None:
    """The middle of the clip says more than its first frame, which is often black."""
    frame = first
    if video.time_base and at > 0:
        container.seek(int(at / video.time_base), stream=video)
        frame = next(container.decode(video), first)
    width = min(POSTER_WIDTH, frame.width)  # enlarging would only cost
    height = max(2, round(frame.height * width / frame.width))
    small = frame.reformat(width=width, height=height)
    # Half of the time that the usual effort takes.
    small.to_image().save(poster, "WEBP", quality=80, method=2)


def main() -> None:
    """Answer as JSON, whatever the file does."""
    verdict.say(lambda: probe(*sys.argv[1:4]), "This is not an MP4 video that can be read.")
