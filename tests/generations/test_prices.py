"""Dollars by the table, credits always whole and always rounded up."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations.catalogue import CATALOGUE, find
from generations.orders import place, price
from generations.prices import BasePlusSeconds, PerSecond, to_credits
from tests.world import World, order

# endpoint, seconds as fal writes them, resolution, audio, dollars: fal's own worked examples and table.
DOLLARS = [
    ("fal-ai/veo3.1", "8s", "720p", False, "1.60"),
    ("fal-ai/veo3.1", "8s", "1080p", True, "3.20"),
    ("fal-ai/veo3.1", "4s", "4k", False, "1.60"),
    ("fal-ai/veo3.1", "8s", "4k", True, "4.80"),
    ("fal-ai/veo3.1/reference-to-video", "8s", "720p", True, "3.20"),
    ("fal-ai/veo3.1/extend-video", "7s", "720p", True, "2.80"),
    ("fal-ai/veo3.1/fast", "6s", "1080p", False, "0.60"),
    ("fal-ai/veo3.1/fast", "6s", "720p", True, "0.90"),
    ("fal-ai/veo3.1/fast/image-to-video", "8s", "4k", False, "2.40"),
    ("fal-ai/veo3.1/fast/image-to-video", "8s", "4k", True, "2.80"),
    ("fal-ai/veo3.1/fast/extend-video", "7s", "720p", False, "0.70"),
    ("fal-ai/veo3.1/lite", "4s", "720p", False, "0.12"),
    ("fal-ai/veo3.1/lite", "4s", "720p", True, "0.20"),
    ("fal-ai/veo3.1/lite", "6s", "1080p", False, "0.30"),
    ("fal-ai/veo3.1/lite", "8s", "1080p", True, "0.64"),
    ("fal-ai/kling-video/v2.5-turbo/standard/image-to-video", "5", None, None, "0.21"),
    ("fal-ai/kling-video/v2.5-turbo/standard/image-to-video", "10", None, None, "0.42"),
]

dollars = st.decimals(min_value=0, max_value=1000, places=4)
markups = st.decimals(min_value="0.01", max_value=20, places=3)


def chosen(duration: str, resolution: str | None, audio: bool | None) -> dict[str, Any]:
    values = {"duration": duration, "resolution": resolution, "generate_audio": audio}
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(("endpoint_id", "duration", "resolution", "audio", "usd"), DOLLARS)
def test_a_clip_costs_what_fal_asks(
    endpoint_id: str, duration: str, resolution: str | None, audio: bool | None, usd: str
):
    quote = price(find(endpoint_id), chosen(duration, resolution, audio), takes=1)
    assert quote.usd == Decimal(usd)
    assert quote.credits == Decimal(usd) * 100
    assert sum((line.usd for line in quote.lines), Decimal()) == quote.usd


@pytest.mark.parametrize(
    ("markup", "usd", "whole"),
    [
        ("1", "0.42", 42),
        ("1.0", "0.21", 21),
        ("1.5", "0.21", 32),  # 31.5
        ("1.1", "0.12", 14),  # 13.2
        ("1.25", "0.20", 25),  # exact: not 26
        ("1.15", "1.00", 115),  # 1.15 × 100 in binary floats is 114.999…
        ("1.1", "3.00", 330),  # and this one 330.00000000000006
        ("0.001", "0.12", 1),  # nothing is free by rounding
        ("3", "0", 0),
    ],
)
def test_credits_are_rounded_up_once_and_in_decimals(markup: str, usd: str, whole: int):
    assert to_credits(Decimal(usd), Decimal(markup)) == whole


@given(usd=dollars, markup=markups)
def test_credits_are_the_smallest_whole_number_that_covers_the_price(usd: Decimal, markup: Decimal):
    whole = to_credits(usd, markup)
    assert whole - 1 < usd * 100 * markup <= whole


@given(one=dollars, other=dollars, markup=markups)
def test_a_dearer_clip_never_costs_fewer_credits(one: Decimal, other: Decimal, markup: Decimal):
    low, high = sorted((one, other))
    assert to_credits(low, markup) <= to_credits(high, markup)


@given(seconds=st.integers(1, 60), audio=st.booleans(), size=st.sampled_from(["720p", "1080p", "4k"]))
def test_lines_add_up_to_the_rate_times_the_seconds(seconds: int, audio: bool, size: str):
    rule = find("fal-ai/veo3.1/fast").price
    assert isinstance(rule, PerSecond)
    assert sum(line.usd for line in rule.lines(seconds, size, audio)) == rule.rates[size, audio] * seconds


@given(seconds=st.integers(1, 60))
def test_a_base_price_covers_the_first_seconds_and_each_further_one_is_added(seconds: int):
    rule = BasePlusSeconds(5, Decimal("0.21"), Decimal("0.042"))
    lines = rule.lines(seconds, "", audio=False)
    assert sum(line.usd for line in lines) == Decimal("0.21") + Decimal("0.042") * max(0, seconds - 5)
    assert sum(line.seconds for line in lines) == max(5, seconds)


def test_audio_saves_no_fixed_share_so_prices_are_a_table():
    shares = set()
    for endpoint_id in ("fal-ai/veo3.1", "fal-ai/veo3.1/fast", "fal-ai/veo3.1/lite"):
        rule = find(endpoint_id).price
        assert isinstance(rule, PerSecond)
        for size in {resolution for resolution, _ in rule.rates}:
            shares.add(rule.rates[size, False] / rule.rates[size, True])
    assert len(shares) == 5


def test_what_is_not_on_sale_has_no_price():
    with pytest.raises(KeyError):
        price(find("fal-ai/veo3.1/lite"), chosen("8s", "4k", audio=True), takes=1)


def test_every_rate_is_a_decimal_above_zero():
    for endpoint in CATALOGUE.values():
        rule = endpoint.price
        rates = rule.rates.values() if isinstance(rule, PerSecond) else (rule.base_usd, rule.further_usd)
        assert all(type(rate) is Decimal and rate > 0 for rate in rates)


def test_the_markup_is_a_setting_and_each_take_is_rounded_by_itself(world: World, settings: Any):
    settings.CREDITS_MARKUP = "1.1"
    takes = place(world.alice, order(world.alice, takes=3, duration="4s", generate_audio=False))
    assert [each.cost for each in takes] == [14, 14, 14]  # 13.2 each; not ceil(39.6) = 40 for all
    assert [each.usd for each in takes] == [Decimal("0.12")] * 3
    world.alice.workspace.wallet.refresh_from_db()
    assert world.alice.workspace.wallet.held == 42
