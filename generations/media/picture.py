"""Child process: make any JPEG, PNG or WebP a clean picture (upright, sRGB, no metadata).

Given SOURCE and TARGET, `main` prints `{"width", "height"}` or `{"error"}`.
Knows no Django: it is started with little memory, so that a full copy of a large picture is one too many.
"""

import io
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import PIL.WebPImagePlugin  # noqa: F401 - loaded once in the nursery, rather than in the child of every file
from PIL import Image, ImageCms

from generations.media import verdict

Image.preinit()  # the same

MAX_PIXELS = 40_000_000
# Larger than 4K helps no endpoint.
KEPT_SIDE = 3_840
# What fal takes; noise at the first quality would be larger.
MAX_BYTES = 8_000_000
QUALITIES = (92, 85, 75, 60, 40)
STRIP = 256  # rows

ORIENTATION = 0x0112  # EXIF's tag
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

UNREADABLE = "This is not a JPEG, PNG or WebP picture that can be read."
TOO_COMPLEX = "This picture takes too much memory to read; save it as a plain JPEG and try again."
TOO_LARGE = "This picture has more than 40 megapixels; make it smaller."


def normalise(source: str, target: str) -> dict[str, int]:
    """Re-encode `source` as JPEG at `target`. Raises whatever Pillow raises."""
    # From the header, before any pixel is decoded: a 20 KB file may ask for 826 MB. Pillow warns above its
    # limit and refuses above twice as much, WebP even before it takes memory for the canvas.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    with Image.open(source, formats=("JPEG", "PNG", "WEBP")) as image:
        image.draft(None, _fitting(image.size))  # JPEG only: decodes a half or a quarter right away
        image.seek(0)
        image.load()
        turn = UPRIGHT.get(_orientation(image))
        profile = image.info.get("icc_profile")
        flat = image if image.mode in ("RGB", "L", "CMYK") and not _see_through(image) else _on_white(image)
        flat.thumbnail((KEPT_SIDE, KEPT_SIDE), reducing_gap=2)
    kept = _in_srgb(flat, profile)
    if turn is not None:
        kept = kept.transpose(turn)
    _save(kept, Path(target))
    return {"width": kept.width, "height": kept.height}


def _fitting(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, KEPT_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _orientation(image: Image.Image) -> int:
    """1 to 8; a damaged EXIF block is no reason to refuse a picture that can be seen."""
    with suppress(Exception):
        return int(image.getexif().get(ORIENTATION, 1))
    return 1


def _see_through(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _on_white(image: Image.Image) -> Image.Image:
    """RGB on white: video has no transparency. Strip by strip, for the sake of memory."""
    white = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, STRIP):
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height)))
        if strip.mode.startswith(("I", "F")):
            # Sixteen bits: Pillow's own conversion clips instead of scaling.
            strip.info.pop("transparency", None)
            strip = strip.point(lambda value: value / 256).convert("L")
        if _see_through(strip):
            strip = strip.convert("RGBA")
            white.paste(strip, (0, top), mask=strip.getchannel("A"))
        else:
            white.paste(strip.convert("RGB"), (0, top))
    return white


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as they were meant: the profile goes with the metadata, so it is applied first."""
    if profile:
        # A profile that is damaged or of another colour space says nothing.
        with suppress(Exception):
            meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            done = ImageCms.profileToProfile(image, meant, ImageCms.createProfile("sRGB"), outputMode="RGB")
            assert done is not None
            return done
    return image.convert("RGB")


def _save(image: Image.Image, target: Path) -> None:
    image.info.clear()  # comment, EXIF and XMP would be written again
    for quality in QUALITIES:
        kept = io.BytesIO()
        image.save(kept, "JPEG", quality=quality)
        if kept.tell() <= MAX_BYTES:
            break
    # Not by Pillow, whose errors do not tell a full disk from a damaged picture.
    target.write_bytes(kept.getbuffer())


def main() -> None:
    """Answer as JSON, whatever the file does."""
    known = {Image.DecompressionBombError: TOO_LARGE, MemoryError: TOO_COMPLEX}
    verdict.say(lambda: normalise(*sys.argv[1:3]), UNREADABLE, known)
