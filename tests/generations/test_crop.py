"""What is cut away, as arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations.media.crop import RATIOS, TOLERANCE, crop, target_ratio

sides = st.integers(1, 10_000)
ratios = st.sampled_from([*RATIOS, "auto"])


@pytest.mark.parametrize(
    ("width", "height", "ratio", "percent", "where"),
    [
        (1280, 720, "16:9", 0, ""),
        (1920, 1080, "auto", 0, ""),
        (720, 1280, "auto", 0, ""),
        (1366, 768, "16:9", 0, ""),  # a screen; off by a pixel
        (1000, 1000, "16:9", 44, "top and bottom"),
        (1000, 1000, "9:16", 44, "left and right"),
        (1000, 1000, "1:1", 0, ""),
        (4000, 3000, "16:9", 25, "top and bottom"),
        (4000, 3000, "9:16", 58, "left and right"),
        (1280, 720, "9:16", 68, "left and right"),
        (3000, 1000, "auto", 41, "left and right"),
    ],
)
def test_well_known_shapes(width: int, height: int, ratio: str, percent: int, where: str):
    cut = crop(width, height, ratio)
    assert (cut.percent, cut.sides) == (percent, where)


@given(width=sides, height=sides, ratio=ratios)
def test_what_remains_has_the_ratio_and_never_more_than_the_picture_had(width: int, height: int, ratio: str):
    cut = crop(width, height, ratio)
    assert 0 <= cut.lost < 1
    left = (
        (width * (1 - cut.lost), height)
        if cut.sides == "left and right"
        else (width, height * (1 - cut.lost))
    )
    assert left[0] / left[1] == pytest.approx(RATIOS[cut.ratio], rel=TOLERANCE * 1.01)


@given(width=sides, height=sides, ratio=ratios)
def test_sides_are_named_exactly_when_something_is_lost(width: int, height: int, ratio: str):
    cut = crop(width, height, ratio)
    assert bool(cut.sides) == (cut.lost > 0) == (cut.percent > 0)


@given(width=sides, height=sides)
def test_turning_the_picture_and_the_format_loses_the_same(width: int, height: int):
    assert crop(width, height, "16:9").lost == pytest.approx(crop(height, width, "9:16").lost, abs=TOLERANCE)


@given(width=sides, height=sides)
def test_auto_never_cuts_more_than_the_other_format_would(width: int, height: int):
    assert target_ratio("auto", width, height) in ("16:9", "9:16")
    cut = crop(width, height, "auto").lost
    assert cut <= min(crop(width, height, each).lost for each in ("16:9", "9:16")) + TOLERANCE
