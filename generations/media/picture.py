"""Child process: make any JPEG, PNG or WebP a clean picture (upright, RGB, no metadata).

`python -m generations.media.picture SOURCE TARGET` prints `{"width", "height"}` or `{"error"}`.
Knows no Django: it is started with little memory.
"""

import json
import sys
import warnings

from PIL import Image, ImageOps

MAX_PIXELS = 40_000_000
MAX_SIDE = 8_192
# Larger than 4K helps no endpoint, and the result must stay below fal's 8 MB.
KEPT_SIDE = 3_840


def normalise(source: str, target: str) -> dict[str, int | str]:
    """Re-encode `source` as JPEG at `target`; the original is not kept."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(source, formats=("JPEG", "PNG", "WEBP")) as image:
        width, height = image.size
        # From the header, before any pixel is decoded: a 20 KB file may ask for 826 MB.
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            return {"error": f"{width} × {height} pixels is too large; up to 40 megapixels are accepted."}
        image.seek(0)
        upright = ImageOps.exif_transpose(image)
        flat = _flattened(upright)
    flat.thumbnail((KEPT_SIDE, KEPT_SIDE))
    flat.save(target, "JPEG", quality=92, optimize=True)
    return {"width": flat.width, "height": flat.height}


def _flattened(image: Image.Image) -> Image.Image:
    """RGB on white: video has no transparency."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")


def main() -> None:
    """Answer as JSON, whatever the file does."""
    try:
        answer = normalise(sys.argv[1], sys.argv[2])
    except Exception:  # noqa: BLE001 - a hostile file may raise anything; the parent only needs to know
        answer = {"error": "This is not a JPEG, PNG or WebP picture that can be read."}
    print(json.dumps(answer))
    sys.exit(1 if "error" in answer else 0)


if __name__ == "__main__":
    main()
