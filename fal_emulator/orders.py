"""What clip a request has bought: size, length, sound and what is painted on it."""

from PIL import Image

from fal_emulator.clips import Order
from fal_emulator.endpoints import EXTEND_INPUT_LIMIT, bought_seconds
from fal_emulator.inputs import Media, video_seconds
from fal_emulator.pictures import Words
from fal_emulator.requests import Request

SIDES = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
SQUARE = (960, 960)  # what an image-shaped endpoint makes of a square picture


def order_for(request: Request, media: Media) -> Order:
    values, effect = request.values, request.effect
    grounds = pictures_of(request, media)
    width, height = size(request, grounds)
    seconds = bought_seconds(values) + already_there(request, media)
    audio = bool(values.get("generate_audio")) and not effect.soundless
    captions = (
        f"seed {request.seed}",
        str(values.get("resolution") or f"{width} x {height}"),
        f"{seconds:g} s",
        "audio" if audio else "no audio",
    )
    return Order(
        width,
        height,
        seconds * effect.length,
        audio,
        key=f"{request.seed} {values['prompt']}",
        words=Words(str(values["prompt"]), request.endpoint.id, captions),
        grounds=grounds,
    )


def pictures_of(request: Request, media: Media) -> tuple[Image.Image, ...]:
    """The caller's pictures that are within reach, in the order of the fields."""
    urls: list[str] = []
    for field in request.endpoint.media:
        value = request.values[field.name]
        urls += value if isinstance(value, list) else [value]
    found = (media.picture(url) for url in urls)
    return tuple(picture for picture in found if picture is not None)


def size(request: Request, grounds: tuple[Image.Image, ...]) -> tuple[int, int]:
    """Width and height; `auto`, and endpoints without a shape, follow the first picture."""
    shape = request.values.get("aspect_ratio", "picture")
    wide, narrow = SIDES[str(request.values.get("resolution", "720p"))]
    first = grounds[0] if grounds else None
    if shape == "picture" and first and 0.9 < first.width / first.height < 1.1:
        return SQUARE
    tall = shape == "9:16"
    if shape in ("auto", "picture") and first:
        tall = first.height > first.width
    return (narrow, wide) if tall else (wide, narrow)


def already_there(request: Request, media: Media) -> float:
    """Seconds of the clip that is extended: the whole video comes back, not the new part."""
    url = request.values.get("video_url")
    if url is None:
        return 0.0
    content = media.content(url)
    length = video_seconds(content) if content else None
    return round(length, 2) if length else EXTEND_INPUT_LIMIT
