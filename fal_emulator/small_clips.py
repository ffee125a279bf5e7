"""Tiny clips for drills with thousands of requests: the bought length, shape and sound, made once each.

Every clip ends in a box that names its request, so that no two are alike and a mix-up shows.
"""

import struct
import threading
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame
from PIL import Image

from fal_emulator import tones
from fal_emulator.clips import RATE, add_video
from fal_emulator.endpoints import bought_seconds
from fal_emulator.inputs import Media
from fal_emulator.orders import already_there
from fal_emulator.requests import Request

WIDE, TALL = (64, 36), (36, 64)

_making = threading.Lock()
# One for all emulators of a process; as many as there are lengths on offer, and few kilobytes each.
_made: dict[tuple[tuple[int, int], int, bool], bytes] = {}


def deliver(request: Request, media: Media, path: Path) -> int:
    """Write the request's clip to `path` and return its size in bytes."""
    values, effect = request.values, request.effect
    seconds = (bought_seconds(values) + already_there(request, media)) * effect.length
    audio = bool(values.get("generate_audio")) and not effect.soundless
    size = TALL if values.get("aspect_ratio") == "9:16" else WIDE
    draft = path.with_suffix(".part")
    with _making:
        order = (size, round(seconds * RATE), audio)
        if order not in _made:
            make(*order, draft)
            _made[order] = draft.read_bytes()
    content = _made[order] + box(request.id.encode())
    draft.write_bytes(content)
    draft.replace(path)
    return len(content)


def make(size: tuple[int, int], frames: int, audio: bool, path: Path) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = add_video(container, *size)
        if audio:
            tones.add_to(container, "small", frames / RATE)
        frame = VideoFrame.from_image(Image.new("RGB", size, "teal")).reformat(format="yuv420p")
        for number in range(frames):
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def box(content: bytes) -> bytes:
    """An MP4 box that players skip."""
    return struct.pack(">I4s", 8 + len(content), b"free") + content
