"""What may be generated: the catalogue, as data.

Form, validation, quote, fal's arguments, API schema and docs all read these descriptions, so a new
model on sale is one new entry (see `docs/adding-an-endpoint.md`).
"""

from generations.catalogue.description import Endpoint, Field, Kind, Mode, Quality
from generations.catalogue.kling import KLING
from generations.catalogue.veo import VEO

__all__ = ["CATALOGUE", "Endpoint", "Field", "Kind", "Mode", "Quality", "choose", "find", "resolution_label"]

CATALOGUE: dict[str, Endpoint] = {endpoint.id: endpoint for endpoint in (*VEO, *KLING)}


def find(endpoint_id: str) -> Endpoint:
    """The endpoint with fal's id. KeyError when it is not in the catalogue."""
    return CATALOGUE[endpoint_id]


def resolution_label(resolution: str) -> str:
    """What people call it, whichever endpoint has it: `4K` for `4k`."""
    fields = (endpoint.field("resolution") for endpoint in CATALOGUE.values())
    return next(
        (dict(each.labels)[resolution] for each in fields if each and resolution in dict(each.labels)),
        resolution,
    )


def choose(mode: Mode, quality: Quality) -> Endpoint:
    """The endpoint for a mode and a quality, or the mode's nearest one in Quality's order.

    References exist only in standard quality and Kling only animates an image, so not every pair exists.
    """
    order = list(Quality)
    return min(
        (endpoint for endpoint in CATALOGUE.values() if endpoint.mode == mode),
        key=lambda endpoint: abs(order.index(endpoint.quality) - order.index(quality)),
    )
