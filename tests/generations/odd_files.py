"""Files for the intake: pictures of every kind, bombs, damage, and videos that are not what they say."""

import io
import struct
import zipfile
import zlib
from fractions import Fraction
from typing import Any

import av
from PIL import Image

from tests.world import picture, video

CORNERS = {"top left": "red", "top right": "lime", "bottom left": "blue", "bottom right": "white"}


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb_png(side: int = 13_000) -> bytes:
    """A black square of one bit a pixel: some 20 KB that ask for hundreds of megabytes."""
    rows = zlib.compress(bytes((side // 8 + 1 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bomb_jpeg() -> bytes:
    """A small JPEG whose header claims 65,500 × 65,500."""
    content = bytearray(encoded(quadrants(), "JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def bomb_webp() -> bytes:
    """A canvas of 6,400 × 6,251, just above the limit, around a picture of one colour."""
    inner = encoded(Image.new("RGB", (16, 16)), "WEBP")[12:]
    wide, tall = ((side - 1).to_bytes(3, "little") for side in (6400, 6251))
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + wide + tall
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(inner)) + b"WEBP" + canvas + inner


def quadrants(size: tuple[int, int] = (160, 90)) -> Image.Image:
    image = Image.new("RGB", size)
    wide, tall = size[0] // 2, size[1] // 2
    for where, color in CORNERS.items():
        at = (wide if "right" in where else 0, tall if "bottom" in where else 0)
        image.paste(Image.new("RGB", (wide, tall), color), at)
    return image


def odd_pictures() -> dict[str, bytes]:
    """Pictures of every colour model, all of a mid grey or see-through on it."""
    grey = Image.new("L", (64, 36), 128)
    deep = Image.new("I;16", (64, 36), 128 * 257)
    palette = Image.new("P", (64, 36), 1)
    palette.putpalette([0, 0, 0, 128, 128, 128])
    return {
        "grey": encoded(grey, "PNG"),
        "grey jpeg": encoded(grey, "JPEG"),
        "16 bit": encoded(deep, "PNG"),
        "palette": encoded(palette, "PNG"),
        "cmyk": encoded(Image.new("CMYK", (64, 36), (127, 127, 127, 0)), "JPEG"),
        "half see-through": encoded(Image.new("RGBA", (64, 36), (0, 0, 0, 127)), "PNG"),
        "half see-through webp": encoded(Image.new("RGBA", (64, 36), (0, 0, 0, 127)), "WEBP", lossless=True),
        "grey with alpha": encoded(Image.new("LA", (64, 36), (0, 127)), "PNG"),
    }


def not_pictures() -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("shot.png", picture(64, 36))
    return {
        "zip": archive.getvalue(),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "gif": encoded(Image.new("P", (8, 8)), "GIF"),
        "tiff": encoded(Image.new("RGB", (8, 8)), "TIFF"),
        "bmp": encoded(Image.new("RGB", (8, 8)), "BMP"),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
        "pdf": b"%PDF-1.7\n",
        "html": b"<!doctype html><title>shot.png</title>",
        "avi": b"RIFF\x10\x00\x00\x00AVI LIST" + bytes(20),
        "text": b"a picture, honestly",
    }


def damaged_pictures() -> dict[str, bytes]:
    noisy = Image.effect_noise((320, 180), 60).convert("RGB")
    whole = {each: encoded(noisy, each) for each in ("PNG", "JPEG", "WEBP")}
    cut = {f"cut {name}": content[: len(content) // 2] for name, content in whole.items()}
    return cut | {
        "only a signature": b"\x89PNG\r\n\x1a\n",
        "only a beginning": b"\xff\xd8\xff\xe0",
        "a webp of nothing": b"RIFF\x04\x00\x00\x00WEBP",
        "no rows": whole["PNG"][:33] + chunk(b"IEND", b""),
        "a png in a jpeg's coat": b"\xff\xd8\xff" + whole["PNG"],
    }  # fmt: skip


def sound_only() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def cut_off() -> bytes:
    """The table of contents comes first and is whole; the last quarter of the pictures is not there."""
    whole = video(4)
    moov, mdat = whole.index(b"moov") - 4, whole.index(b"mdat") - 4
    assert mdat < moov
    head, data, table = whole[:mdat], whole[mdat:moov], whole[moov:]
    return head + _moved(table, len(table)) + data[: len(data) * 3 // 4]


def _moved(table: bytes, by: int) -> bytes:
    """`moov` with every chunk offset `by` bytes later."""
    out = bytearray(table)
    at = out.index(b"stco") + 4
    (count,) = struct.unpack(">I", out[at + 4 : at + 8])
    for number in range(count):
        spot = at + 8 + number * 4
        (offset,) = struct.unpack(">I", out[spot : spot + 4])
        out[spot : spot + 4] = struct.pack(">I", offset + by)
    return bytes(out)


def lying_about_its_length() -> bytes:
    """Twelve seconds whose headers say three."""
    out = bytearray(video(12))
    for box, at in ((b"mdhd", 16), (b"mvhd", 16), (b"tkhd", 24)):
        spot = out.index(box) + 4 + at
        (ticks,) = struct.unpack(">I", out[spot : spot + 4])
        out[spot : spot + 4] = struct.pack(">I", ticks // 4)
    return bytes(out)
