"""Child process: make any JPEG, PNG or WebP a clean picture (upright, sRGB, no metadata).

`python -m generations.media.picture SOURCE TARGET` prints `{"width", "height"}` or `{"error"}`.
Knows no Django: it is started with little memory, so that a full copy of a large picture is one too many.
"""

import io
import json
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageCms

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
        image.save(target, "JPEG", quality=quality)
        if target.stat().st_size <= MAX_BYTES:
            break


def main() -> None:
    """Answer as JSON, whatever the file does."""
    try:
        answer: dict[str, int] | dict[str, str] = normalise(sys.argv[1], sys.argv[2])
    except Image.DecompressionBombError:
        answer = {"error": TOO_LARGE}
    except MemoryError:
        answer = {"error": TOO_COMPLEX}
    except Exception:  # noqa: BLE001 - a hostile file may raise anything; the parent only needs to know
        answer = {"error": UNREADABLE}
    sys.stdout.write(json.dumps(answer))
    sys.exit(1 if "error" in answer else 0)


if __name__ == "__main__":
    main()
