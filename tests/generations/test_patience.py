"""What must not be concluded too early: from a shut door, a cut list, an outage, a strange database."""

import time
import uuid
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from generations import motor
from generations.media.janitor import Janitor
from generations.media.vault import new_key
from generations.models import Attempt, Breaker, Generation, State
from generations.models.attempt import hashed
from generations.motor.deliveries import taken_on
from tests.fal.hosting import Host
from tests.generations.ageing import age, deliver, expire, now, place, submitted
from tests.generations.puppet import Answer, Puppet
from tests.generations.test_ambiguous import absent, fal, lost  # noqa: F401 - a fixture is found by its name
from tests.generations.test_janitor import lay
from tests.generations.test_store import step, storing
from tests.little_fal import LittleFal
from tests.world import World

pytestmark = [pytest.mark.usefixtures("own_folders"), pytest.mark.django_db(transaction=True)]


def test_files_of_a_workspace_that_this_database_does_not_know_are_not_ours_to_remove(lasting: World) -> None:
    for _ in range(40):
        lay(new_key("clips", uuid.uuid4(), ".mp4"), hours=7)
    assert Janitor().tidy() == 0


def test_a_deadline_does_not_pass_while_nobody_may_ask(lasting: World, puppet: Puppet) -> None:
    generation, _ = submitted(lasting, puppet)
    until = timezone.now() + timedelta(minutes=5)
    Breaker.objects.update_or_create(pk="fal", defaults={"state": "open", "reason": "locked", "until": until})
    puppet.calls.clear()
    expire(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTED
    assert puppet.calls == []
    Breaker.objects.update(state="closed")
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING


ODD: dict[str, Answer] = {
    "null": (200, None),
    "no video": (200, {"seed": 7}),
    "a server's error": (500, {"detail": [{"type": "internal_server_error", "msg": "x"}]}),
    "unknown": (404, {}),
}


def looks(generation: Generation, times: int = 1) -> None:
    """A worker looks so often, whenever it may."""
    for _ in range(times):
        age(generation)
        motor.drive(generation.pk)


NOBODYS: Answer = (200, {"items": [], "has_more": False})


@pytest.mark.parametrize("kind", ODD)
def test_odd_results_within_ten_minutes_are_no_end(
    lasting: World, puppet: Puppet, settings: Any, kind: str
) -> None:
    """Whatever stands between us and the result may have a bad moment; fal has the clip."""
    settings.FAL_API_URL = f"{puppet.url}/v1"
    generation, _ = submitted(lasting, puppet)
    puppet.script["result"] = [ODD[kind]]
    looks(generation, 6)
    assert now(generation).state == State.SUBMITTED
    del puppet.script["result"]
    looks(generation)
    assert now(generation).state == State.STORING


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])
@pytest.mark.parametrize("kind", ODD)
def test_after_ten_minutes_they_are_believed_unless_the_list_knows_better(
    lasting: World, puppet: Puppet, settings: Any, kind: str, listed: bool
) -> None:
    settings.FAL_API_URL = f"{puppet.url}/v1"
    generation, attempt = submitted(lasting, puppet)
    puppet.script["result"] = [ODD[kind]]
    looks(generation, 4)
    Attempt.objects.update(lost_since=timezone.now() - timedelta(minutes=11))
    attempt.refresh_from_db()
    known = {"request_id": attempt.request_id, "ended_at": "x", "json_output": puppet.video()}
    if listed:
        puppet.script["list"] = [(200, {"items": [known], "has_more": False})]
    looks(generation)
    assert now(generation).state == (State.STORING if listed else State.FAILED)


@pytest.mark.parametrize("odd", [NOBODYS, (500, {})], ids=["empty", "unreadable"])
def test_one_odd_list_is_no_end_of_what_the_list_has_shown_to_run(
    lasting: World, puppet: Puppet, settings: Any, odd: Answer
) -> None:
    settings.FAL_API_URL = f"{puppet.url}/v1"
    generation, attempt = submitted(lasting, puppet)
    attempt.refresh_from_db()
    runs = {"request_id": attempt.request_id, "ended_at": None, "json_output": None}
    puppet.script |= {"status": [(404, {})], "result": [(404, {})]}
    puppet.script["list"] = [(200, {"items": [runs], "has_more": False})]
    looks(generation, 5)
    Attempt.objects.filter(lost_since__isnull=False).update(lost_since=timezone.now() - timedelta(minutes=11))
    age(generation)
    motor.drive(generation.pk)
    puppet.script["list"] = [odd]
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTED


def test_a_list_that_cannot_be_read_costs_an_hour_and_no_more(lasting: World, puppet: Puppet) -> None:
    generation, _ = submitted(lasting, puppet)
    puppet.script["result"] = [ODD["null"]]
    for minutes, state in ((59, State.SUBMITTED), (61, State.FAILED)):
        Attempt.objects.update(lost_looks=5, lost_since=timezone.now() - timedelta(minutes=minutes))
        age(generation)
        motor.drive(generation.pk)
        assert now(generation).state == state


def test_a_worker_that_tidied_past_its_lease_fetches_nothing(
    lasting: World, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = storing(lasting, puppet)
    storage = import_module("generations.motor.store")
    an_hour_later = time.monotonic() + 3600

    def tidies_long() -> None:
        age(generation)
        mine = now(generation)
        assert mine.lease(seconds=60)  # another worker's, by now
        monkeypatch.setattr(storage, "time", SimpleNamespace(monotonic=lambda: an_hour_later))

    monkeypatch.setattr(storage, "tidy_scratch", tidies_long)
    age(generation)
    motor.store(generation.pk)
    assert puppet.calls.count("file") == 0


def test_a_404_after_an_outage_of_the_files_is_looked_at_again(
    lasting: World, puppet: Puppet, host: Host
) -> None:
    host.statuses = [503] * 6 + [404, 404]
    generation = storing(lasting, puppet)
    for _ in range(7):
        step(generation)
    assert now(generation).is_open


@pytest.mark.parametrize("what", ["hidden", "cut"])
def test_a_list_that_hides_or_cuts_proves_no_absence(
    lasting: World,
    fal: LittleFal,  # noqa: F811 - the fixture imported above
    settings: Any,
    what: str,
) -> None:
    settings.RESUBMIT_AMBIGUOUS = 10_000
    generation = lost(lasting)
    hidden = [{"request_id": fal.taken[0].id, "json_input": None, "ended_at": "2026-11-24T10:00:00Z"}]
    others = [{"request_id": f"x{number}", "json_input": {"prompt": "other"}} for number in range(100)]
    page: dict[str, Any] = {"items": hidden, "has_more": False}
    if what == "cut":
        page = {"items": others, "has_more": True, "next_cursor": "c"}
    fal.script["list"] = [(200, page)]
    absent(generation, 5, 20, 36, 16)
    motor.drive(generation.pk)
    assert fal.submits == 1


@pytest.mark.breaks_invariants  # no change row leads to the state that the test begins with
def test_looks_in_vain_before_a_request_was_found_do_not_count_against_it(
    lasting: World, puppet: Puppet
) -> None:
    generation, attempt = submitted(lasting, puppet)
    long_ago = timezone.now() - timedelta(hours=1)
    Attempt.objects.update(state="ambiguous", request_id=None, lost_looks=5, lost_since=long_ago)
    Generation.objects.update(state="ambiguous")
    attempt.refresh_from_db()
    assert taken_on(attempt, "r-1", cause="test")
    puppet.script["status"] = puppet.script["result"] = [(404, {"detail": "x"})]
    age(generation)
    motor.drive(generation.pk)
    assert now(generation).state == State.SUBMITTED


def test_whoever_leases_a_row_that_moved_on_meanwhile_has_no_lease(
    lasting: World, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The webhook moves it on exactly between the lease and the look at the row."""
    generation, _ = submitted(lasting, puppet)
    look = Generation.refresh_from_db

    def late_look(self: Generation, *args: Any, **options: Any) -> None:
        monkeypatch.setattr(Generation, "refresh_from_db", look)
        moment = timezone.now()
        assert now(generation).move(State.STORING, cause="test", wake_at=moment, deadline_at=moment)
        self.refresh_from_db(*args, **options)

    monkeypatch.setattr(Generation, "refresh_from_db", late_look)
    assert not generation.lease(seconds=60)


def test_a_webhook_of_an_attempt_that_was_refused_stops_the_next_one_before_it_is_sent(
    lasting: World, puppet: Puppet
) -> None:
    generation = place(lasting)
    puppet.script["submit"] = [(429, {"detail": "busy"}), puppet.accepted("r-2")]
    motor.drive(generation.pk)
    refused = generation.attempts.get()
    worker = now(generation)
    assert worker.claim(State.SUBMITTING, seconds=60, cause="claimed")
    second = Attempt.objects.create(generation=generation, number=2, token_hash=hashed("second"))
    deliver(refused, puppet, "r-1")
    motor.drive(generation.pk)
    assert now(generation).state == State.STORING
    assert not second.begin(worker)
    assert puppet.submits == 1
