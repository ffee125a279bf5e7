"""The endpoints on offer: their input fields, what their media may be, and what they cost.

Pure data. Adding an endpoint is adding one entry to ENDPOINTS.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["string", "integer", "boolean", "number", "image", "images", "video"]

MEGABYTE = 1_000_000
IMAGE_LIMIT = 8 * MEGABYTE
EXTEND_INPUT_LIMIT = 8.0  # seconds of video that may be extended
EXTENSION = 7.0  # seconds that extending adds


@dataclass(frozen=True)
class Field:
    """One input field. `choices` are the only values taken; `required` has no default."""

    name: str
    kind: Kind = "string"
    default: object = None
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_items: int | None = None
    max_bytes: int | None = None

    @property
    def nullable(self) -> bool:
        """A field without default may be given as null, as fal's optional fields may."""
        return not self.required and self.default is None


@dataclass(frozen=True)
class Price:
    """US dollars per second by (resolution, audio); "" where there is no such dimension."""

    per_second: dict[tuple[str, bool], Decimal]

    @property
    def base(self) -> Decimal:
        """The one figure that fal's price list can express."""
        return min(self.per_second.values())


@dataclass(frozen=True)
class Endpoint:
    id: str
    title: str
    category: str
    fields: tuple[Field, ...]
    price: Price

    @property
    def app(self) -> str:
        """Owner and alias: the only part that status, result and cancel addresses keep."""
        return "/".join(self.id.split("/")[:2])

    @property
    def media(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.kind in ("image", "images", "video"))


def _rates(silent: str, sound: str, four_k: tuple[str, str] | None = None) -> Price:
    table = {}
    for resolution in ("720p", "1080p"):
        table[resolution, False], table[resolution, True] = (
            Decimal(silent),
            Decimal(sound),
        )
    if four_k:
        table["4k", False], table["4k", True] = Decimal(four_k[0]), Decimal(four_k[1])
    return Price(table)


STANDARD = _rates("0.20", "0.40", ("0.40", "0.60"))
FAST = _rates("0.10", "0.15", ("0.30", "0.35"))
LITE = Price(
    {
        ("720p", False): Decimal("0.03"),
        ("720p", True): Decimal("0.05"),
        ("1080p", False): Decimal("0.05"),
        ("1080p", True): Decimal("0.08"),
    }
)
# 0.21 for the first five seconds and 0.042 for each further one: the same rate throughout.
KLING = Price({("", False): Decimal("0.042")})

PROMPT = Field("prompt", required=True)
IMAGE = Field("image_url", "image", required=True, max_bytes=IMAGE_LIMIT)
KLING_IMAGE = Field("image_url", "image", required=True)  # no size limit is documented
REFERENCES = Field("image_urls", "images", required=True, max_items=3, max_bytes=IMAGE_LIMIT)
FIRST_FRAME = Field("first_frame_url", "image", required=True, max_bytes=IMAGE_LIMIT)
LAST_FRAME = Field("last_frame_url", "image", required=True, max_bytes=IMAGE_LIMIT)
VIDEO = Field("video_url", "video", required=True)

WIDE_OR_TALL = Field("aspect_ratio", default="16:9", choices=("16:9", "9:16"))
AUTO_SHAPE = Field("aspect_ratio", default="auto", choices=("auto", "16:9", "9:16"))
SECONDS_4_6_8 = Field("duration", default="8s", choices=("4s", "6s", "8s"))
SECONDS_8 = Field("duration", default="8s", choices=("8s",))
SECONDS_7 = Field("duration", default="7s", choices=("7s",))
SECONDS_5_10 = Field("duration", default="5", choices=("5", "10"))
UP_TO_1080P = Field("resolution", default="720p", choices=("720p", "1080p"))
UP_TO_4K = Field("resolution", default="720p", choices=("720p", "1080p", "4k"))
ONLY_720P = Field("resolution", default="720p", choices=("720p",))
NEGATIVE = Field("negative_prompt")
KLING_NEGATIVE = Field("negative_prompt", default="blur, distort, and low quality")
AUDIO = Field("generate_audio", "boolean", default=True)
SEED = Field("seed", "integer")
AUTO_FIX = Field("auto_fix", "boolean", default=True)
NO_AUTO_FIX = Field("auto_fix", "boolean", default=False)
SAFETY = Field("safety_tolerance", default="4", choices=("1", "2", "3", "4", "5", "6"))
GUIDANCE = Field("cfg_scale", "number", default=0.5, minimum=0, maximum=1)

TEXT = "text-to-video"
PICTURE = "image-to-video"
FOOTAGE = "video-to-video"


def _veo(media: tuple[Field, ...], *shape: Field, fix: Field = NO_AUTO_FIX) -> tuple[Field, ...]:
    """The fields that all Veo endpoints with a seed share, around what differs."""
    return (PROMPT, *media, *shape, NEGATIVE, AUDIO, SEED, fix, SAFETY)


_TEXT_4K = _veo((), WIDE_OR_TALL, SECONDS_4_6_8, UP_TO_4K, fix=AUTO_FIX)
_TEXT_LITE = _veo((), WIDE_OR_TALL, SECONDS_4_6_8, UP_TO_1080P, fix=AUTO_FIX)
_IMAGE_4K = _veo((IMAGE,), AUTO_SHAPE, SECONDS_4_6_8, UP_TO_4K)
_IMAGE_LITE = _veo((IMAGE,), AUTO_SHAPE, SECONDS_4_6_8, UP_TO_1080P)
_FRAMES_4K = _veo((FIRST_FRAME, LAST_FRAME), AUTO_SHAPE, SECONDS_4_6_8, UP_TO_4K)
_FRAMES_LITE = _veo((FIRST_FRAME, LAST_FRAME), AUTO_SHAPE, SECONDS_8, UP_TO_1080P)
_EXTEND = _veo((VIDEO,), AUTO_SHAPE, SECONDS_7, ONLY_720P)
_REFERENCE = (
    PROMPT,
    REFERENCES,
    WIDE_OR_TALL,
    SECONDS_8,
    UP_TO_4K,
    AUDIO,
    NO_AUTO_FIX,
    SAFETY,
)
_KLING = (PROMPT, KLING_IMAGE, SECONDS_5_10, KLING_NEGATIVE, GUIDANCE)

VEO = "fal-ai/veo3.1"
ENDPOINTS: dict[str, Endpoint] = {
    endpoint.id: endpoint
    for endpoint in (
        Endpoint(VEO, "Veo 3.1", TEXT, _TEXT_4K, STANDARD),
        Endpoint(f"{VEO}/image-to-video", "Veo 3.1", PICTURE, _IMAGE_4K, STANDARD),
        Endpoint(f"{VEO}/first-last-frame-to-video", "Veo 3.1", PICTURE, _FRAMES_4K, STANDARD),
        Endpoint(f"{VEO}/reference-to-video", "Veo 3.1", PICTURE, _REFERENCE, STANDARD),
        Endpoint(f"{VEO}/extend-video", "Veo 3.1", FOOTAGE, _EXTEND, STANDARD),
        Endpoint(f"{VEO}/fast", "Veo 3.1 Fast", TEXT, _TEXT_4K, FAST),
        Endpoint(f"{VEO}/fast/image-to-video", "Veo 3.1 Fast", PICTURE, _IMAGE_4K, FAST),
        Endpoint(
            f"{VEO}/fast/first-last-frame-to-video",
            "Veo 3.1 Fast",
            PICTURE,
            _FRAMES_4K,
            FAST,
        ),
        Endpoint(f"{VEO}/fast/extend-video", "Veo 3.1 Fast", FOOTAGE, _EXTEND, FAST),
        Endpoint(f"{VEO}/lite", "Veo 3.1 Lite", TEXT, _TEXT_LITE, LITE),
        Endpoint(f"{VEO}/lite/image-to-video", "Veo 3.1 Lite", PICTURE, _IMAGE_LITE, LITE),
        Endpoint(
            f"{VEO}/lite/first-last-frame-to-video",
            "Veo 3.1 Lite",
            PICTURE,
            _FRAMES_LITE,
            LITE,
        ),
        Endpoint(
            "fal-ai/kling-video/v2.5-turbo/standard/image-to-video",
            "Kling 2.5 Turbo Standard",
            PICTURE,
            _KLING,
            KLING,
        ),
    )
}
APPS = {endpoint.app for endpoint in ENDPOINTS.values()}


def bought_seconds(values: dict[str, object]) -> float:
    """The seconds that are paid for: "8s" for Veo, "5" for Kling."""
    return float(str(values["duration"]).removesuffix("s"))


def charge(endpoint: Endpoint, values: dict[str, object]) -> tuple[float, Decimal]:
    """Billed seconds and the price of one, for a checked input."""
    tier = str(values.get("resolution", "")), bool(values.get("generate_audio", False))
    return bought_seconds(values), endpoint.price.per_second[tier]
