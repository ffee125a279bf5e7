"""Kling 2.5 Turbo Standard. Schema as in fal's client types of August 2026."""

from decimal import Decimal

from generations.catalogue.description import Endpoint, Field, Kind, Mode, Quality
from generations.catalogue.veo import DURATION, IMAGE, NEGATIVE, PROMPT
from generations.prices import BasePlusSeconds

KLING = (
    Endpoint(
        "fal-ai/kling-video/v2.5-turbo/standard/image-to-video",
        "Kling 2.5 Turbo Standard",
        Mode.IMAGE,
        Quality.KLING,
        "Lively motion, silent, up to 10 seconds.",
        (
            # fal prints no cap; 2,500 is what integrators met on this family.
            PROMPT.but(max_length=2_500),
            IMAGE.but(help="JPEG, PNG or WebP up to 8 MB.", min_height=None),
            # Bare numbers here, where Veo writes 8s.
            DURATION.but(choices=("5", "10"), default="5", labels=(("5", "5 s"), ("10", "10 s"))),
            NEGATIVE.but(default="blur, distort, and low quality"),
            Field(
                "cfg_scale",
                Kind.NUMBER,
                "Prompt strength",
                "0 lets the model roam, 1 follows the prompt closely.",
                default=0.5,
                minimum=Decimal(0),
                maximum=Decimal(1),
                advanced=True,
            ),
        ),
        BasePlusSeconds(5, Decimal("0.21"), Decimal("0.042")),
    ),
)
