"""What of a picture will be cut away to fit the video's format. Pure arithmetic."""

from dataclasses import dataclass

RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0}
# A pixel or two of rounding is no crop worth a warning.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Crop:
    """`lost` is the share (0–1) of the picture that is cut, along one axis."""

    ratio: str
    lost: float
    sides: str

    @property
    def percent(self) -> int:
        """For people."""
        return round(self.lost * 100)


def target_ratio(ratio: str, width: int, height: int) -> str:
    """`auto` follows the picture: the nearer of 16:9 and 9:16."""
    if ratio in RATIOS:
        return ratio
    return "16:9" if width >= height else "9:16"


def crop(width: int, height: int, ratio: str) -> Crop:
    """How a `width` × `height` picture is cut for `ratio` (one of RATIOS, or "auto")."""
    name = target_ratio(ratio, width, height)
    have, want = width / height, RATIOS[name]
    if abs(have / want - 1) <= TOLERANCE:
        return Crop(name, 0.0, "")
    if have > want:
        return Crop(name, 1 - want / have, "left and right")
    return Crop(name, 1 - have / want, "top and bottom")
