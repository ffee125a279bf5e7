"""Real MP4 clips (H.264, AAC) at little cost: few distinct pictures, each shown for several frames.

The still part is drawn and turned into YUV planes once. Each distinct picture then only repeats
those planes with the moving parts pasted in, and frames in between hand the same picture to the
encoder again, which recognises it as unchanged.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageDraw

from fal_emulator import pictures, tones

RATE = 24  # frames per second, as Veo's
PICTURES_PER_SECOND = ((1280 * 720, 6), (1920 * 1080, 4), (3840 * 2160, 1))
Planes = tuple[Image.Image, Image.Image, Image.Image]


class Abandoned(Exception):
    """The clip is not wanted any more (cancelled, or the server stops)."""


@dataclass(frozen=True)
class Order:
    """One clip to make. `grounds` are the caller's pictures: none, one, or first and last."""

    width: int
    height: int
    seconds: float
    audio: bool
    key: str
    words: pictures.Words
    grounds: tuple[Image.Image, ...] = ()

    @property
    def frames(self) -> int:
        return round(self.seconds * RATE)

    @property
    def hold(self) -> int:
        """How many frames each distinct picture is shown for."""
        for pixels, per_second in PICTURES_PER_SECOND:
            if self.width * self.height <= pixels:
                return RATE // per_second
        return RATE


def make(order: Order, path: Path, unwanted: Callable[[], bool]) -> int:
    """Write the clip to `path` and return its size in bytes. Raises Abandoned."""
    draft = path.with_suffix(".part")
    try:
        with av.open(str(draft), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            video = add_video(container, order.width, order.height)
            if order.audio:
                tones.add_to(container, order.key, order.seconds)
            for frame in frames(order):
                if unwanted():
                    raise Abandoned
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path.stat().st_size


def add_video(container: av.container.OutputContainer, width: int, height: int) -> VideoStream:
    video = container.add_stream("libx264", rate=RATE)
    video.width, video.height, video.pix_fmt = width, height, "yuv420p"
    video.codec_context.thread_count = 1  # leave the other core to whoever is watching
    video.options = {"preset": "ultrafast", "qp": "21", "g": str(4 * RATE)}
    return video


def frames(order: Order) -> Iterator[VideoFrame]:
    """Every frame of the clip; the same object comes again while the picture stands still."""
    stills = [planes_of(still) for still in compositions(order)]
    scene = Scene(pictures.Layout(order.width, order.height), order.key, stills)
    frame = VideoFrame(order.width, order.height, "yuv420p")
    for number in range(order.frames):
        if number % order.hold == 0:
            frame = scene.at(number / max(1, order.frames - 1), number / RATE, order.seconds)
        frame.pts = number
        frame.time_base = Fraction(1, RATE)
        yield frame


def compositions(order: Order) -> Iterator[Image.Image]:
    layout = pictures.Layout(order.width, order.height)
    if not order.grounds:
        ground = pictures.gradient(layout, order.key)
        yield pictures.compose(layout, ground, order.words, low=False)
    for picture in order.grounds[:2]:
        ground = pictures.cover(layout, picture)
        yield pictures.compose(layout, ground, order.words, low=True)


def planes_of(picture: Image.Image) -> Planes:
    """The picture as the Y, U and V planes that the encoder takes."""
    rgb: VideoFrame = VideoFrame.from_image(picture)
    frame = rgb.reformat(format="yuv420p")
    return (plane_image(frame, 0), plane_image(frame, 1), plane_image(frame, 2))


def plane_image(frame: VideoFrame, index: int) -> Image.Image:
    plane = frame.planes[index]
    padded = Image.frombytes("L", (plane.line_size, plane.height), bytes(plane))
    return padded.crop((0, 0, plane.width, plane.height))


class Scene:
    """The moving parts over one still, or over two that melt into each other."""

    def __init__(self, layout: pictures.Layout, key: str, stills: list[Planes]) -> None:
        self.layout = layout
        self.stills = stills
        self.colour = yuv(pictures.palette(key)[4])
        self.size = 2 * layout.px(210)
        glow = Image.radial_gradient("L").point([fade(value) for value in range(256)])
        self.glow = glow.resize((self.size, self.size), Image.Resampling.BICUBIC)
        self.half_glow = self.glow.resize((self.size // 2, self.size // 2))
        self.face = pictures.font(layout.px(19))

    def at(self, share: float, second: float, seconds: float) -> VideoFrame:
        luma, blue, red = self.ground(share)
        self.drift(luma, blue, red, share)
        self.advance(luma, blue, red, share)
        self.write_clock(luma, second, seconds)
        frame = VideoFrame(self.layout.width, self.layout.height, "yuv420p")
        for plane, image in zip(frame.planes, (luma, blue, red), strict=True):
            plane.update(image.crop((0, 0, plane.line_size, plane.height)).tobytes())
        return frame

    def ground(self, share: float) -> Planes:
        if len(self.stills) == 1:
            luma, blue, red = self.stills[0]
            return luma.copy(), blue.copy(), red.copy()
        first, last = self.stills[:2]
        melt = share * share * (3 - 2 * share)
        return (
            Image.blend(first[0], last[0], melt),
            Image.blend(first[1], last[1], melt),
            Image.blend(first[2], last[2], melt),
        )

    def drift(self, luma: Image.Image, blue: Image.Image, red: Image.Image, share: float) -> None:
        """A soft light on a slow curve through the upper right of the picture."""
        x = self.layout.width * (0.66 + 0.20 * math.sin(2 * math.pi * share))
        y = self.layout.height * (0.34 + 0.14 * math.sin(4 * math.pi * share + 0.7))
        left, top = int(x - self.size / 2) // 2 * 2, int(y - self.size / 2) // 2 * 2
        under = luma.crop((left, top, left + self.size, top + self.size))
        lit = under.copy()
        lit.paste(self.colour[0], (0, 0), self.glow)
        luma.paste(ImageChops.lighter(under, lit), (left, top))  # never dims the words
        for plane, value in ((blue, self.colour[1]), (red, self.colour[2])):
            plane.paste(value, (left // 2, top // 2), self.half_glow)

    def advance(self, luma: Image.Image, blue: Image.Image, red: Image.Image, share: float) -> None:
        """Fill the progress line up to this share of the clip."""
        left, top, right, bottom = self.layout.track
        end = left + max(2, round((right - left) * share))
        luma.paste(235, (left, top, end, bottom))
        for plane in (blue, red):
            plane.paste(128, (left // 2, top // 2, end // 2, bottom // 2))

    def write_clock(self, luma: Image.Image, second: float, seconds: float) -> None:
        text = f"{int(second):d} / {math.ceil(seconds):d} s"
        mask = Image.new("L", (self.layout.px(160), self.layout.px(40)))
        base = self.layout.px(30)
        ImageDraw.Draw(mask).text((mask.width, base), text, 200, self.face, anchor="rs")
        luma.paste(235, (self.layout.track[2] - mask.width, self.layout.caption_line - base), mask)


def fade(value: int) -> int:
    """Opacity of the drifting light where Pillow's radial gradient has `value` (182: the rim)."""
    near = max(0.0, 1 - value / 126)
    return round(170 * near * near)


def yuv(colour: pictures.Colour) -> tuple[int, int, int]:
    """RGB as limited-range BT.601, the same conversion that the stills go through."""
    red, green, blue = (part / 255 for part in colour)
    return (
        round(16 + 65.481 * red + 128.553 * green + 24.966 * blue),
        round(128 - 37.797 * red - 74.203 * green + 112.0 * blue),
        round(128 + 112.0 * red - 93.786 * green - 18.214 * blue),
    )
