"""What may happen to one paid request, in which orders, and the play of one such order.

The worker's POST is out while the events before `submit reply` happen: they are played while fal holds the
answer back. Without that event the worker dies, and the answer with it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, permutations

from django.db import connections
from django.urls import reverse

from generations import motor
from generations.models import Generation, State
from tests.failpoints.drill import Torn, breaking
from tests.generations.ageing import age, expire
from tests.generations.puppet import Answer
from tests.little_fal import Taken
from tests.rehearsal import Rehearsal

REPLY, OK, ERROR, AGAIN = "submit reply", "webhook OK", "webhook ERROR", "webhook again"
DONE, UNKNOWN, CANCEL, DEADLINE = "poll OK", "poll 404", "cancel", "deadline"
EVENTS = (REPLY, OK, ERROR, DONE, UNKNOWN, CANCEL, DEADLINE, AGAIN)
# Told in any of these, the truth is a clip; what else is said is a contradiction.
GOOD = {OK, DONE, AGAIN}

Schedule = tuple[str, ...]


def every(most: int = 5) -> list[Schedule]:
    """All orders of up to so many different events."""
    return [order for count in range(1, most + 1) for order in permutations(EVENTS, count)]


def some(count: int, seed: int = 7) -> list[Schedule]:
    """The same ones each time: all of up to three events, and a draw from the longer ones."""
    short = every(3)
    longer = every()[len(short) :]
    return short + random.Random(seed).sample(longer, max(0, count - len(short)))


@dataclass
class Played:
    """A schedule, and the generation it was played with."""

    schedule: Schedule
    generation: Generation
    request: Taken

    @property
    def truth(self) -> str:
        """How fal's run ended, whatever else it said."""
        if GOOD & set(self.schedule) or ERROR not in self.schedule:
            return "done"
        return "failed"


def play(stage: Rehearsal, schedule: Schedule) -> Played:
    """Play one schedule; what is open afterwards is left open."""
    before, after = split(schedule)
    generation = stage.order()
    with held_back(stage, generation, before) as requests:
        if REPLY in schedule:
            motor.drive(generation.pk)
        else:
            with breaking("submit.answered", Torn):
                motor.drive(generation.pk)
    played = Played(schedule, generation, requests[0])
    for event in after:
        apply(stage, generation, played.request, event)
    played.request.state = played.truth
    stage.clear_bells()
    return played


def split(schedule: Schedule) -> tuple[Schedule, Schedule]:
    """What happens before fal's answer is read, and after it."""
    if REPLY not in schedule:
        return schedule, ()
    at = schedule.index(REPLY)
    return schedule[:at], schedule[at + 1 :]


@contextmanager
def held_back(stage: Rehearsal, generation: Generation, before: Sequence[str]) -> Iterator[list[Taken]]:
    """While fal has taken the request and has not answered yet, these happen."""
    requests: list[Taken] = []

    def meanwhile(one: Taken) -> None:
        one.state = "running"
        requests.append(one)
        for event in before:
            apply(stage, generation, one, event)
        connections.close_all()

    stage.fal.meanwhile = meanwhile
    try:
        yield requests
    finally:
        stage.fal.meanwhile = None


def apply(stage: Rehearsal, generation: Generation, one: Taken, event: str) -> None:
    """One event, by the product's own functions."""
    HAPPENS[event](stage, generation, one)


def webhook(stage: Rehearsal, generation: Generation, one: Taken) -> None:
    one.state = "done"
    assert stage.fal.tell(one) == 200


def webhook_error(stage: Rehearsal, generation: Generation, one: Taken) -> None:
    if one.state == "running":
        one.state = "failed"
    assert stage.fal.tell(one, "ERROR") == 200


def poll(stage: Rehearsal, generation: Generation, one: Taken) -> None:
    one.state = "done"
    age(generation)
    motor.drive(generation.pk)


def poll_unknown(stage: Rehearsal, generation: Generation, one: Taken) -> None:
    with saying(stage, list=(200, {"items": []}), status=(404, {}), result=(404, {})):
        age(generation)
        motor.drive(generation.pk)


def cancel(stage: Rehearsal, generation: Generation, one: Taken) -> None:
    assert stage.browser.post(reverse("generations:cancel", args=[generation.pk])).status_code == 302


def deadline(stage: Rehearsal, generation: Generation, one: Taken) -> None:
    with saying(stage, list=(200, {"items": []}), status=(200, {"status": "IN_PROGRESS"})):
        if Generation.objects.get(pk=generation.pk).is_open:
            expire(generation)
        motor.drive(generation.pk)


@contextmanager
def saying(stage: Rehearsal, **answers: Answer) -> Iterator[None]:
    """What fal answers for now."""
    stage.fal.script.update({kind: [answer] for kind, answer in answers.items()})
    try:
        yield
    finally:
        for kind in answers:
            del stage.fal.script[kind]


HAPPENS: dict[str, Callable[[Rehearsal, Generation, Taken], None]] = {
    OK: webhook,
    AGAIN: webhook,
    ERROR: webhook_error,
    DONE: poll,
    UNKNOWN: poll_unknown,
    CANCEL: cancel,
    DEADLINE: deadline,
}


def judge(stage: Rehearsal, played: Played) -> None:
    """By fal's memory and our rows: what must be so after any schedule, once nothing is open."""
    row = Generation.objects.select_related("hold").get(pk=played.generation.pk)
    assert len(stage.fal.of(row.input["seed"])) == 1, played
    assert (row.charged > 0) == (row.state == State.SUCCEEDED and not row.late_free), played
    walked = [(each.before, each.after) for each in row.changes.all()]
    assert [each for each in walked if each[0] in ("succeeded", "cancelled")] == [], played
    left = [after for before, after in walked if before == "failed"]
    assert left == ([State.SUCCEEDED] if row.late_free else []), played
    assert all(after == before for (_, after), (before, _) in pairwise(walked)), played
    if not {CANCEL, DEADLINE} & set(played.schedule):
        end = State.SUCCEEDED if played.truth == "done" else State.FAILED
        assert (row.state, row.late_free) == (end, False), played
    if CANCEL not in played.schedule:
        assert row.state != State.CANCELLED, played


def wind_up(stage: Rehearsal, played: Sequence[Played]) -> None:
    """Let everything come to its end, and judge each."""
    stage.settle(turns=20)
    for each in played:
        judge(stage, each)
    stage.check()
    stage.fal.taken.clear()
