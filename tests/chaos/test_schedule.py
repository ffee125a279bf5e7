"""A seed is a story: the same one gives the same, and what it says is what was asked for."""

from collections import Counter

from tests.chaos.schedule import AFTERMATH, schedule
from tests.chaos.wishes import Wishes


def test_the_same_seed_gives_the_same_story():
    assert schedule(Wishes(n=500, seed=7)).digest == schedule(Wishes(n=500, seed=7)).digest


def test_another_seed_gives_another_story():
    assert schedule(Wishes(seed=7)).digest != schedule(Wishes(seed=8)).digest


def test_switching_the_kills_off_leaves_the_orders_as_they_were():
    with_kills, without = schedule(Wishes(seed=7)), schedule(Wishes(seed=7, kills=False))
    assert with_kills.orders == without.orders
    assert with_kills.blows
    assert not without.blows


def test_ten_thousand_clips_meet_as_many_blows_as_promised():
    blows = Counter(blow.kind for blow in schedule(Wishes(n=10_000)).blows)
    assert blows["kill"] >= 150
    assert blows["flush"] >= 5
    assert blows["redis"] >= 3
    assert blows["postgres immediate"] >= 5
    assert blows["postgres fast"] >= 2


def test_even_a_small_run_meets_every_kind_of_blow():
    kinds = {blow.kind for blow in schedule(Wishes(n=30)).blows}
    assert kinds == {"kill", "flush", "redis", "postgres immediate"}


def test_blows_fall_while_something_is_going_on():
    blows = schedule(Wishes(n=3000)).blows
    assert [blow.at for blow in blows] == sorted(blow.at for blow in blows)
    assert 0 < blows[0].at < blows[-1].at <= 1 + AFTERMATH


def test_every_prompt_and_every_form_is_its_own():
    orders = schedule(Wishes(n=3000)).orders
    assert len({order.prompt for order in orders}) == len({order.form_key for order in orders}) == 3000


def test_a_fifth_of_all_calls_to_fal_goes_wrong():
    plan = schedule(Wishes()).faults
    for place in ("submit", "status", "result", "cancel", "upload", "list", "keys", "download"):
        assert 0.18 <= sum(plan[place].values()) <= 0.22, place


def test_losing_every_webhook_is_part_of_the_story():
    assert schedule(Wishes(faults=False, lose_webhooks=True)).faults["webhook"] == {"lost": 1.0}
    assert schedule(Wishes(faults=False)).faults == {}
