"""Files to attach where a form demands one: a picture, a short clip, a moment of sound."""

import io
import wave
from fractions import Fraction

import av
from av.video.stream import VideoStream
from PIL import Image

SIZE = (1280, 720)
RATE = 24
SECONDS = 3

File = tuple[str, bytes, str]  # name, content, media type: httpx's own shape


def suitable(accept: str) -> File:
    """A file for an input's `accept`."""
    if "video" in accept or ".mp4" in accept:
        return clip()
    if "audio" in accept or ".wav" in accept or ".mp3" in accept:
        return sound()
    return picture()


def picture() -> File:
    content = io.BytesIO()
    frame(0).save(content, "PNG")
    return "sample.png", content.getvalue(), "image/png"


def frame(number: int) -> Image.Image:
    """A gradient that wanders with time, so that frames differ."""
    red = Image.linear_gradient("L").rotate(90)
    green = Image.linear_gradient("L").rotate(number * 2)
    blue = Image.new("L", red.size, 96)
    return Image.merge("RGB", (red, green, blue)).resize(SIZE)


def clip() -> File:
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, RATE)
        for number in range(RATE * SECONDS):
            container.mux(stream.encode(av.VideoFrame.from_image(frame(number))))
        container.mux(stream.encode())
    return "sample.mp4", content.getvalue(), "video/mp4"


def sound() -> File:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000 * SECONDS))
    return "sample.wav", content.getvalue(), "audio/wav"
