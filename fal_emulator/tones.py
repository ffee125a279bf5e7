"""The sound of a synthetic clip: a quiet chord, encoded once per key note and then copied."""

import array
import functools
import hashlib
import io
import math
from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.container import OutputContainer

RATE = 48_000
BLOCK = 1024  # samples in one AAC frame
ROOTS = (174, 196, 220)  # whole hertz: one second loops without a click
LOUDNESS = 0.09
LONGEST = 16.0  # seconds; as long as an extended clip gets


def add_to(container: OutputContainer, key: str, seconds: float) -> None:
    """Give the container a stereo AAC track of this length, without encoding it again."""
    root = ROOTS[hashlib.sha256(key.encode()).digest()[2] % len(ROOTS)]
    with av.open(io.BytesIO(track(root)), "r") as source:
        stream = source.streams.audio[0]
        copy = container.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or packet.pts * packet.time_base >= seconds:
                break
            packet.stream = copy
            container.mux(packet)


@functools.lru_cache(maxsize=len(ROOTS))
def track(root: int) -> bytes:
    """The longest track on this note, as an audio file in memory."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        audio.options = {"aac_coder": "fast"}
        for frame in frames(root, LONGEST):
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return file.getvalue()


def frames(root: int, seconds: float) -> Iterator[AudioFrame]:
    second = loop(root)
    for start in range(0, round(seconds * RATE), BLOCK):
        offset = 4 * (start % RATE)
        block = (second[offset:] + second)[: 4 * BLOCK]
        frame = AudioFrame(format="fltp", layout="stereo", samples=BLOCK)
        for plane in frame.planes:
            plane.update(block.ljust(plane.buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def loop(root: int) -> bytes:
    """One second of a chord on `root`, as 32-bit floats."""
    step = 2 * math.pi / RATE
    samples = array.array("f", bytes(4 * RATE))
    for hertz, weight in ((root, 1.0), (root * 3 // 2, 0.6), (root * 2, 0.35)):
        pace = step * hertz
        for n in range(RATE):
            samples[n] += LOUDNESS * weight * math.sin(pace * n)
    return samples.tobytes()
