"""Fault plans: drawn from the seed alone, at every place, in every kind, and over when they are told so."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_emulator.effects import ORDINARY
from fal_emulator.faults import PLACES, Faults, Visit, read_plan
from fal_emulator.server import Emulator, serve
from fal_emulator.spoils import KINDS

from .conftest import KEY, LITE, PLAIN, SPEED, Fal, Sink, anyone, wait_until

SHARES = {"rst_before": 0.05, "drop": 0.05, "html": 0.02, "502_after": 0.08}
ROOT = Path(__file__).parents[2]


def struck(folder: Path, seed: int, order: int) -> dict[tuple[str, int], str | None]:
    """What 500 submits meet, each made three times, when they come in this order."""
    folder.mkdir()
    faults = Faults(folder / "faults.json")
    faults.follow({"seed": seed, "submit": SHARES})
    visits = [f"prompt {number}" for number in range(500)] * 3
    random.Random(order).shuffle(visits)
    times: Counter[str] = Counter()
    found = {}
    for subject in visits:
        times[subject] += 1
        found[subject, times[subject]] = faults.strike(Visit("submit", subject, "", ORDINARY))
    return found


def test_the_same_seed_meets_the_same_faults_in_whatever_order_calls_come(tmp_path: Path) -> None:
    first, second = struck(tmp_path / "a", 7, order=1), struck(tmp_path / "b", 7, order=2)
    assert first == second
    assert struck(tmp_path / "c", 8, order=1) != first


def test_each_kind_strikes_as_often_as_its_share_says(tmp_path: Path) -> None:
    found = Counter(struck(tmp_path / "a", 7, order=1).values())
    for kind, share in SHARES.items():
        assert abs(found[kind] / 1500 - share) < 0.02
    assert found[None] > 1100


def test_calls_about_the_same_are_drawn_one_by_one(tmp_path: Path) -> None:
    found = struck(tmp_path / "a", 7, order=1)
    assert any(found[f"prompt {number}", 1] and not found[f"prompt {number}", 2] for number in range(500))


@pytest.mark.parametrize(
    "plan",
    [
        [],
        {"seed": "x"},
        {"nowhere": {"503": 0.1}},
        {"submit": {"no such kind": 0.1}},
        {"submit": {"503": 1.5}},
        {"submit": {"503": 0.6, "502": 0.6}},
        {"submit": [0.1]},
        {"webhook": {"404": 0.1}},
        {"fates": {"no such fate": 0.1}},
        {"fates": {"drop": 0.1}},  # about a submit that is over by then
        {"stall_seconds": -1},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(plan: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_plan(plan)


def test_a_plan_is_put_in_force_counted_and_ended(emulator: Emulator, fal: Fal) -> None:
    control = f"{emulator.url}/_emulator/faults"
    plan = {"seed": 3, "submit": {"503": 1.0}}
    assert anyone.post(control, json=plan).json()["plan"] == plan
    assert [fal.post("A cat").status_code for _ in range(2)] == [503, 503]
    report = anyone.get(control).json()
    assert report["calls"] == {"submit": 2}
    assert report["played"] == {"submit": {"503": 2}}
    assert [line["fault"] for line in emulator.submits()] == ["503", "503"]
    assert anyone.post(control, json={}).json()["plan"] == {}
    assert fal.post("A cat [never]").status_code == 200
    assert len(emulator.journal()) == 1


@pytest.mark.parametrize(
    ("kind", "accepted"), [("500", 0), ("500_after", 1), ("drop", 1), ("drop_before", 0)]
)
def test_a_kind_strikes_before_or_after_acceptance(
    emulator: Emulator, fal: Fal, kind: str, accepted: int
) -> None:
    emulator.follow({"submit": {kind: 1}})
    try:
        assert fal.post("A cat").status_code == 500
    except httpx.RemoteProtocolError:
        assert kind.startswith("drop")
    assert len(emulator.journal()) == accepted


def calls_of(fal: Fal, job: Any, video: str) -> dict[str, tuple[str, str, Any]]:
    """A call of each place."""
    return {
        "submit": ("POST", LITE, {"prompt": "A cat [never]"}),
        "status": ("GET", job["status_url"], None),
        "result": ("GET", job["response_url"], None),
        "cancel": ("PUT", job["cancel_url"], None),
        "upload": ("POST", "/storage/upload/initiate", {"file_name": "a", "content_type": "image/png"}),
        "download": ("GET", video, None),
        "list": ("GET", f"/v1/models/requests/by-endpoint?endpoint_id={LITE.strip('/')}", None),
        "keys": ("GET", "/.well-known/jwks.json", None),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_played_at_every_place(
    tiny: Fal, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tiny.submit("A cat")
    calls = calls_of(tiny, job, tiny.result(job).json()["video"]["url"])
    assert set(calls) == set(PLACES)
    plan: dict[str, Any] = {place: {kind: 1} for place in PLACES}
    control = str(tiny.client.base_url.join("/_emulator/faults"))
    anyone.post(control, json={**plan, "stall_seconds": 0.01, "drip_seconds": 0}).raise_for_status()
    for method, url, given in calls.values():
        try:
            tiny.client.request(method, url, json=given)
        except httpx.TransportError as error:
            assert kind in ("drop", "stall", "truncated") or kind.startswith("rst"), error  # noqa: PT017 - others answer
    played = anyone.get(control).json()["played"]
    assert {place: list(kinds) for place, kinds in played.items()} == {place: [kind] for place in PLACES}
    assert "Traceback" not in capsys.readouterr().err


def test_webhooks_and_fates_are_drawn_once_and_kept_with_the_request(tmp_path: Path, sink: Sink) -> None:
    plan = {"seed": 5, "webhook": {"twice": 0.5, "lost": 0.2}, "fates": {"odd": 0.5}}
    with (
        serve(data=tmp_path, speed=SPEED, small_clips=True, faults=plan) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, timeout=20, verify=PLAIN) as client,
    ):
        jobs = [Fal(client).submit(f"Clip {number}", webhook=sink.url) for number in range(40)]
        for job in jobs:
            Fal(client).completed(job)
        wait_until(lambda: len(sink.arrivals) >= 20)
        before = {row["prompt"]: row["fates"] for row in emulator.oracle()}
        drawn = Counter(word for words in before.values() for word in words)
        assert all(drawn[word] > 2 for word in ("twice", "lost webhook", "odd"))
        lost = {prompt for prompt, words in before.items() if "lost webhook" in words}
        ids = {line["request_id"] for line in emulator.journal() if line["input"]["prompt"] in lost}
        assert not any(one.body["request_id"] in ids for one in sink.arrivals)
    with serve(data=tmp_path, speed=SPEED) as emulator:
        assert {row["prompt"]: row["fates"] for row in emulator.oracle()} == before
    with (
        serve(data=tmp_path / "again", speed=SPEED, small_clips=True, faults=plan) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, timeout=20, verify=PLAIN) as client,
    ):
        for number in reversed(range(40)):
            Fal(client).submit(f"Clip {number}")
        assert {row["prompt"]: row["fates"] for row in emulator.oracle()} == before


def test_the_plan_in_force_survives_a_restart_and_wins_over_the_one_it_started_with(tmp_path: Path) -> None:
    with serve(data=tmp_path, speed=SPEED, faults={"seed": 1}) as emulator:
        assert emulator.faults()["plan"] == {"seed": 1}
        emulator.follow({"seed": 2})
    with serve(data=tmp_path, speed=SPEED, faults={"seed": 1}) as emulator:
        assert emulator.faults()["plan"] == {"seed": 2}


def test_a_file_with_a_bad_plan_is_told_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"submit": {"nonsense": 1}}))
    command = [sys.executable, "-m", "fal_emulator", "--data", str(tmp_path), "--faults", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=20)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "nonsense" in done.stderr
