"""Veo 3.1 in its three families. Schemas as in fal's client types of August 2026."""

from decimal import Decimal

from generations.catalogue.description import Endpoint, Field, Kind, Mode, Quality
from generations.prices import PerSecond

PROMPT = Field("prompt", Kind.TEXT, "Prompt", "Describe the shot.", required=True, max_length=20_000)
IMAGE = Field(
    "image_url",
    Kind.IMAGE,
    "Image",
    "JPEG, PNG or WebP up to 8 MB. 16:9 or 9:16 at 720p or more works best.",
    required=True,
    min_height=720,
)
FIRST = IMAGE.but(name="first_frame_url", label="First frame", help="The clip starts here.", min_height=None)
LAST = FIRST.but(name="last_frame_url", label="Last frame", help="The clip ends here.")
REFERENCES = Field(
    "image_urls",
    Kind.IMAGES,
    "Reference images",
    "One to three pictures of who or what should appear.",
    required=True,
    minimum=Decimal(1),
    # fal documents no maximum; its sample sends three and Google's own interface allows three.
    maximum=Decimal(3),
)
VIDEO = Field(
    "video_url",
    Kind.VIDEO,
    "Clip to extend",
    "A clip of this workspace, or an MP4 of up to 8 seconds: 720p or 1080p, 16:9 or 9:16, made by Veo.",
    required=True,
)
RATIO = Field(
    "aspect_ratio",
    Kind.CHOICE,
    "Format",
    default="16:9",
    choices=("16:9", "9:16"),
    labels=(("16:9", "16:9 wide"), ("9:16", "9:16 tall"), ("1:1", "1:1 square"), ("auto", "As the input")),
)
RATIO_AUTO = RATIO.but(default="auto", choices=("auto", "16:9", "9:16"))
# 1:1 stands only on older pages of two fast endpoints; fal's newer types lack it, so it is switched
# on per endpoint by an administrator who has seen it work.
RATIO_FAST_AUTO = RATIO_AUTO.but(older_choices=("1:1",))
DURATION = Field(
    "duration",
    Kind.CHOICE,
    "Length",
    default="8s",
    choices=("4s", "6s", "8s"),
    labels=(("4s", "4 s"), ("6s", "6 s"), ("7s", "7 s"), ("8s", "8 s")),
)
# Some pages print only a default here; single-valued enums are printed the same way elsewhere.
EIGHT = DURATION.but(choices=("8s",))
SEVEN = DURATION.but(choices=("7s",), default="7s", help="Seven new seconds are added to the clip.")
RESOLUTION = Field(
    "resolution",
    Kind.CHOICE,
    "Resolution",
    default="720p",
    choices=("720p", "1080p", "4k"),
    labels=(("720p", "720p"), ("1080p", "1080p"), ("4k", "4K")),
)
RESOLUTION_LITE = RESOLUTION.but(choices=("720p", "1080p"))
# Page text of the lite family ties 1080p to 8 s, its schema does not and a reseller sells shorter
# ones; so it is offered, and a refusal by fal costs nothing.
RESOLUTION_LITE_LENGTHS = RESOLUTION_LITE.but(
    help="The model may refuse 1080p in clips shorter than 8 s; a refusal costs nothing."
)
RESOLUTION_EXTEND = RESOLUTION.but(choices=("720p",))
AUDIO = Field("generate_audio", Kind.SWITCH, "Audio", "A soundtrack made with the picture.", default=True)
NEGATIVE = Field(
    "negative_prompt",
    Kind.TEXT,
    "Keep out",
    "What should not be in the picture.",
    max_length=2_000,
    advanced=True,
)
SEED = Field(
    "seed",
    Kind.INTEGER,
    "Seed",
    "The same seed and settings give a similar clip. Leave empty for a new one.",
    minimum=Decimal(0),
    # fal documents no range; unsigned 32 bits is what its own samples and every client stay within.
    maximum=Decimal(2**32 - 1),
    advanced=True,
)
AUTO_FIX = Field(
    "auto_fix",
    Kind.SWITCH,
    "Rewrite a refused prompt",
    default=False,
    advanced=True,
)
AUTO_FIX_ON = AUTO_FIX.but(default=True)
SAFETY = Field(
    "safety_tolerance",
    Kind.CHOICE,
    "Safety filter",
    "1 is the strictest, 6 the most permissive.",
    default="4",
    choices=("1", "2", "3", "4", "5", "6"),
    labels=(("1", "1 strictest"), ("6", "6 most permissive")),
    advanced=True,
)


def _rates(**tiers: tuple[str, str]) -> PerSecond:
    """`r720p=("silent", "with audio")` in dollars per second."""
    return PerSecond(
        {
            (tier.removeprefix("r"), audio): Decimal(pair[audio])
            for tier, pair in tiers.items()
            for audio in (False, True)
        }
    )


STANDARD_PRICE = _rates(r720p=("0.20", "0.40"), r1080p=("0.20", "0.40"), r4k=("0.40", "0.60"))
FAST_PRICE = _rates(r720p=("0.10", "0.15"), r1080p=("0.10", "0.15"), r4k=("0.30", "0.35"))
LITE_PRICE = _rates(r720p=("0.03", "0.05"), r1080p=("0.05", "0.08"))
# The billed seconds of an extension are the seven new ones; no invoice says otherwise.
STANDARD_EXTEND_PRICE = _rates(r720p=("0.20", "0.40"))
FAST_EXTEND_PRICE = _rates(r720p=("0.10", "0.15"))

TAIL = (NEGATIVE, SEED, AUTO_FIX, SAFETY)

VEO = (
    Endpoint(
        "fal-ai/veo3.1/lite",
        "Veo 3.1 Lite",
        Mode.TEXT,
        Quality.LITE,
        "Drafts for little money.",
        (PROMPT, RATIO, DURATION, RESOLUTION_LITE_LENGTHS, AUDIO, NEGATIVE, SEED, AUTO_FIX_ON, SAFETY),
        LITE_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/lite/image-to-video",
        "Veo 3.1 Lite image to video",
        Mode.IMAGE,
        Quality.LITE,
        "Drafts for little money.",
        (PROMPT, IMAGE, RATIO_AUTO, DURATION, RESOLUTION_LITE_LENGTHS, AUDIO, *TAIL),
        LITE_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/lite/first-last-frame-to-video",
        "Veo 3.1 Lite first and last frame",
        Mode.FRAMES,
        Quality.LITE,
        "Drafts for little money. 8 seconds only.",
        (PROMPT, FIRST, LAST, RATIO_AUTO, EIGHT, RESOLUTION_LITE, AUDIO, *TAIL),
        LITE_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/fast",
        "Veo 3.1 Fast",
        Mode.TEXT,
        Quality.FAST,
        "Close to the best, sooner.",
        (PROMPT, RATIO, DURATION, RESOLUTION, AUDIO, NEGATIVE, SEED, AUTO_FIX_ON, SAFETY),
        FAST_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/fast/image-to-video",
        "Veo 3.1 Fast image to video",
        Mode.IMAGE,
        Quality.FAST,
        "Close to the best, sooner.",
        (PROMPT, IMAGE, RATIO_FAST_AUTO, DURATION, RESOLUTION, AUDIO, *TAIL),
        FAST_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/fast/first-last-frame-to-video",
        "Veo 3.1 Fast first and last frame",
        Mode.FRAMES,
        Quality.FAST,
        "Close to the best, sooner.",
        (PROMPT, FIRST, LAST, RATIO_FAST_AUTO, DURATION, RESOLUTION, AUDIO, *TAIL),
        FAST_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/fast/extend-video",
        "Veo 3.1 Fast extend",
        Mode.EXTEND,
        Quality.FAST,
        "Seven more seconds, sooner.",
        (PROMPT, VIDEO, RATIO_AUTO, SEVEN, RESOLUTION_EXTEND, AUDIO, *TAIL),
        FAST_EXTEND_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1",
        "Veo 3.1",
        Mode.TEXT,
        Quality.STANDARD,
        "The best picture and sound.",
        (PROMPT, RATIO, DURATION, RESOLUTION, AUDIO, NEGATIVE, SEED, AUTO_FIX_ON, SAFETY),
        STANDARD_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/image-to-video",
        "Veo 3.1 image to video",
        Mode.IMAGE,
        Quality.STANDARD,
        "The best picture and sound.",
        (PROMPT, IMAGE, RATIO_AUTO, DURATION, RESOLUTION, AUDIO, *TAIL),
        STANDARD_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/first-last-frame-to-video",
        "Veo 3.1 first and last frame",
        Mode.FRAMES,
        Quality.STANDARD,
        "The best picture and sound.",
        (PROMPT, FIRST, LAST, RATIO_AUTO, DURATION, RESOLUTION, AUDIO, *TAIL),
        STANDARD_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/reference-to-video",
        "Veo 3.1 references",
        Mode.REFERENCES,
        Quality.STANDARD,
        "Keeps people and things recognisable. 8 seconds only.",
        # No seed and no negative prompt on this endpoint.
        (PROMPT, REFERENCES, RATIO, EIGHT, RESOLUTION, AUDIO, AUTO_FIX, SAFETY),
        STANDARD_PRICE,
    ),
    Endpoint(
        "fal-ai/veo3.1/extend-video",
        "Veo 3.1 extend",
        Mode.EXTEND,
        Quality.STANDARD,
        "Seven more seconds in the best quality.",
        (PROMPT, VIDEO, RATIO_AUTO, SEVEN, RESOLUTION_EXTEND, AUDIO, *TAIL),
        STANDARD_EXTEND_PRICE,
    ),
)
