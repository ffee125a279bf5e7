"""One thread speaks for all nudges of its process, and nothing silences it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from generations import doorbell


class Redis:
    """Fails as it is told to, and counts."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.heard = list(failures), 0

    def publish(self, channel: str, word: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.heard += 1

    def waited_for(self, times: int) -> bool:
        ends = time.monotonic() + 5
        while self.heard < times and time.monotonic() < ends:
            time.sleep(0.01)
        return self.heard == times


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    doorbell._nudger.cache_clear()
    monkeypatch.setattr(doorbell, "CALM", 0.05)

    def by(redis: Redis) -> Redis:
        monkeypatch.setattr(doorbell, "redis", lambda: redis)
        return redis

    yield by
    doorbell._nudger.cache_clear()


def test_many_nudges_are_one_and_a_later_one_is_another(told: Any) -> None:
    redis = told(Redis())
    for _ in range(50):
        doorbell._nudge()
    assert redis.waited_for(1) or redis.waited_for(2)  # the first may be out before the others come
    time.sleep(0.2)
    before = redis.heard
    doorbell._nudge()
    assert redis.waited_for(before + 1)


def test_no_error_silences_the_process(told: Any) -> None:
    redis = told(Redis(OSError(), ValueError()))
    for _ in range(3):
        doorbell._nudge()
        time.sleep(0.15)
    assert redis.waited_for(1)


def test_in_a_copy_of_the_process_there_is_another_speaker(told: Any) -> None:
    redis = told(Redis())
    dead = doorbell._nudger()
    dead.is_alive = lambda: False  # type: ignore[method-assign]  # as a fork leaves it
    doorbell._nudge()
    assert redis.waited_for(1)
    assert doorbell._nudger() is not dead
