"""The still part of a synthetic clip: background, prompt and captions, drawn once per clip."""

import colorsys
import hashlib
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]
WHITE = (255, 255, 255)
SKETCH = 96  # pixels of the long side of the blurred sketch that backgrounds are grown from


@dataclass(frozen=True)
class Words:
    """What is written on a clip."""

    prompt: str
    endpoint: str
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where things go, in pixels; `unit` is one pixel of a 720 pixel high picture."""

    width: int
    height: int

    @property
    def unit(self) -> float:
        return min(self.width, self.height) / 720

    @property
    def margin(self) -> int:
        return self.px(56)

    def px(self, size: float) -> int:
        return max(1, round(size * self.unit))

    @property
    def track(self) -> tuple[int, int, int, int]:
        """The box of the progress line."""
        bottom = self.height - self.px(44)
        return self.margin, bottom - self.px(4), self.width - self.margin, bottom

    @property
    def caption_line(self) -> int:
        """The baseline of what is written just above the progress line."""
        return self.track[1] - self.px(26)


def palette(key: str) -> list[Colour]:
    """Five colours of one mood, always the same for the same key."""
    digest = hashlib.sha256(key.encode()).digest()
    hue = 0.48 + digest[0] / 256 * 0.56  # teal over blue and violet to orange; no mud
    turn = 0.08 + digest[1] / 256 * 0.10
    tones = (
        (hue, 0.78, 0.20),
        (hue + turn, 0.72, 0.50),
        (hue - turn, 0.66, 0.62),
        (hue + 2.4 * turn, 0.55, 0.80),
        (hue + 0.5, 0.35, 0.95),
    )
    return [rgb(*tone) for tone in tones]


def rgb(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def gradient(layout: Layout, key: str) -> Image.Image:
    """Soft fields of colour: a small sketch, blurred and grown, which is cheap at any size."""
    colours = palette(key)
    spots = hashlib.sha256(b"spots" + key.encode()).digest()
    scale = SKETCH / max(layout.width, layout.height)
    size = max(8, round(layout.width * scale)), max(8, round(layout.height * scale))
    sketch = Image.new("RGB", size, colours[0])
    draw = ImageDraw.Draw(sketch)
    for number, colour in enumerate((colours[1], colours[2], colours[3], colours[1])):
        x = spots[4 * number] / 255 * size[0]
        y = spots[4 * number + 1] / 255 * size[1]
        reach = (0.22 + 0.22 * spots[4 * number + 2] / 255) * SKETCH
        draw.ellipse((x - reach, y - reach * 0.7, x + reach, y + reach * 0.7), fill=colour)
    sketch = sketch.filter(ImageFilter.GaussianBlur(SKETCH / 8))
    grown = sketch.resize((layout.width, layout.height), Image.Resampling.BICUBIC)
    return shaded(grown, 0.0, 0.42)


def cover(layout: Layout, picture: Image.Image) -> Image.Image:
    """A picture of the caller as background, dark enough at the foot to write on."""
    fitted = ImageOps.fit(picture.convert("RGB"), (layout.width, layout.height))
    return shaded(fitted, 0.12, 0.80)


def shaded(picture: Image.Image, top: float, bottom: float) -> Image.Image:
    """Darken from `top` to `bottom` (shares of black), most of it in the lower half."""
    column = Image.new("L", (1, 64))
    column.putdata([round(255 * (top + (bottom - top) * (row / 63) ** 1.6)) for row in range(64)])
    veil = column.resize(picture.size, Image.Resampling.BICUBIC)
    picture.paste((4, 5, 9), (0, 0), veil)
    return picture


def font(size: int, text: str = "") -> Font:
    """The font that comes with Pillow; a system one for scripts which that cannot write."""
    if any(ord(character) > 0x24F and not 0x2000 <= ord(character) < 0x2070 for character in text):
        try:
            return ImageFont.truetype("DejaVuSans.ttf", size)
        except OSError:
            pass  # no such font here: boxes are better than no clip
    return ImageFont.load_default(size)


def compose(layout: Layout, background: Image.Image, words: Words, low: bool) -> Image.Image:
    """The finished still: prompt above the middle, or `low` when the background is a picture."""
    draw = ImageDraw.Draw(background, "RGBA")
    write_tag(draw, layout)
    floor = write_captions(draw, layout, words, layout.caption_line)
    # Whoever shows a clip small writes over its lower part.
    middle = round(layout.height * 0.55)
    band = (middle, floor - layout.px(30)) if low else (layout.px(130), middle)
    write_prompt(draw, layout, words.prompt, band, low)
    left, top, right, bottom = layout.track
    draw.rounded_rectangle((left, top, right, bottom), (bottom - top) / 2, fill=(255, 255, 255, 60))
    return background


def write_tag(draw: ImageDraw.ImageDraw, layout: Layout) -> None:
    text, face = "SYNTHETIC CLIP", font(layout.px(17))
    x, y, pad = layout.margin, layout.px(46), layout.px(16)
    box = (x, y, x + draw.textlength(text, face) + 2 * pad, y + layout.px(34))
    draw.rounded_rectangle(box, layout.px(17), fill=(0, 0, 0, 90))
    draw.text((x + pad, (box[1] + box[3]) / 2), text, (255, 255, 255, 230), face, anchor="lm")


def write_captions(draw: ImageDraw.ImageDraw, layout: Layout, words: Words, floor: int) -> int:
    """Endpoint and settings above the progress line; returns the height they begin at."""
    face = font(layout.px(19))
    narrow = layout.width < layout.height
    line = "   ".join(words.captions)
    rows = [words.endpoint, line] if narrow else [f"{words.endpoint}   {line}"]
    room = layout.width - 2 * layout.margin - layout.px(90)
    for row in reversed(rows):
        draw.text(
            (layout.margin, floor), shortened(draw, row, face, room), (255, 255, 255, 190), face, anchor="ls"
        )
        floor -= layout.px(28)
    return floor


def shortened(draw: ImageDraw.ImageDraw, text: str, face: Font, room: float) -> str:
    while draw.textlength(text, face) > room and len(text) > 8:
        text = text[:-2].rstrip("…") + "…"
    return text


def write_prompt(
    draw: ImageDraw.ImageDraw,
    layout: Layout,
    prompt: str,
    band: tuple[int, int],
    low: bool,
) -> None:
    """The prompt in the largest size that fits between the two heights."""
    text = " ".join(prompt.split())
    room = layout.width - 2 * layout.margin
    for size in (44, 38, 32, 27, 23) if low else (66, 56, 48, 41, 35, 29, 24):
        face = font(layout.px(size), text)
        step = layout.px(size * 1.22)
        lines = wrapped(draw, text, face, room)
        fitting = max(1, (band[1] - band[0]) // step)
        if len(lines) <= fitting:
            break
    else:
        lines = [*lines[: fitting - 1], lines[fitting - 1].rstrip(".,;: ")[:-1] + "…"]
    block = len(lines) * step
    y = band[1] - block if low else band[0] + (band[1] - band[0] - block) // 2
    for line in lines:
        draw.text((layout.margin, y + layout.px(1)), line, (0, 0, 0, 90), face)
        draw.text((layout.margin, y), line, WHITE, face)
        y += step


def wrapped(draw: ImageDraw.ImageDraw, text: str, face: Font, room: int) -> list[str]:
    lines = [""]
    for word in text[:2000].split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, face) <= room:
            lines[-1] = longer
            continue
        if not lines[-1]:
            lines.pop()
        lines += broken(draw, word, face, room)
    return lines


def broken(draw: ImageDraw.ImageDraw, word: str, face: Font, room: int) -> list[str]:
    """A word in pieces of at most a line."""
    pieces = []
    while draw.textlength(word, face) > room and len(word) > 1:
        cut = max(1, int(len(word) * room / draw.textlength(word, face)))
        pieces.append(word[:cut])
        word = word[cut:]
    return [*pieces, word]
