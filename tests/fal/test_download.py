"""Fetching a file from hosts that break off, lie, change their mind or are full of holes."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generations.fal import download, partial
from generations.fal.download import Downloaded, Gone, Interrupted, Refused
from generations.fal.hosts import trust
from tests.disk import full_after
from tests.fal.hosting import WHOLE, Host, serving

LONG_AGO = "Mon, 02 Nov 2026 10:00:00 GMT"


def fetch(host: Host, into: Path, *, path: str = "/x.mp4", **more: Any) -> Downloaded:
    hosts = [host.url.removeprefix("http://")]
    return download.fetch(f"{host.url}{path}", into, hosts=hosts, before=lambda: None, **more)


def interrupted(host: Host, into: Path) -> int:
    """A call that was cut off, and nobody went on at once; how much arrived."""
    host.statuses.extend([200, 503])
    with pytest.raises(Interrupted):
        fetch(host, into)
    host.asked.clear()
    return into.stat().st_size


def whole(content: bytes = WHOLE) -> Downloaded:
    return Downloaded(len(content), hashlib.sha256(content).hexdigest())


# ── Going on ────────────────────────────────────────────────────────────────────────────────────


def test_a_download_that_breaks_off_is_continued_at_once_and_sent_once(tmp_path: Path):
    with serving(Host(cuts=[100_000, 50_000])) as host:
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked == [("", ""), ("bytes=100000-", '"one"'), ("bytes=150000-", '"one"')]
    assert (tmp_path / "x").read_bytes() == WHOLE


def test_the_next_call_goes_on_where_the_last_one_was_interrupted(tmp_path: Path):
    with serving(Host(cuts=[100_000])) as host:
        assert interrupted(host, tmp_path / "x") == 100_000
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked == [("bytes=100000-", '"one"')]
    assert (tmp_path / "x").read_bytes() == WHOLE


def test_a_rest_that_comes_in_pieces_is_asked_for_until_it_is_whole(tmp_path: Path):
    with serving(Host(cuts=[100_000], most=80_000)) as host:
        assert fetch(host, tmp_path / "x") == whole()
        assert len(host.asked) == 4


def test_what_is_here_already_is_not_asked_for_again(tmp_path: Path):
    with serving(Host()) as host:
        fetch(host, tmp_path / "x")
        assert fetch(host, tmp_path / "x") == whole()
        assert len(host.asked) == 1


def test_a_host_that_breaks_off_again_and_again_is_not_asked_for_ever(tmp_path: Path):
    with serving(Host(cuts=[1000] * 1000)) as host:
        with pytest.raises(Interrupted):
            fetch(host, tmp_path / "x")
        assert len(host.asked) == download.CONTINUED + 1
        with pytest.raises(Interrupted):
            fetch(host, tmp_path / "x")
    assert (tmp_path / "x").stat().st_size == 2000 * (download.CONTINUED + 1)


def test_a_host_that_sends_nothing_more_is_left_alone_for_now(tmp_path: Path):
    with serving(Host(cuts=[1000, 0, 0, 0])) as host:
        with pytest.raises(Interrupted):
            fetch(host, tmp_path / "x")
        assert len(host.asked) == 2


def test_a_date_is_proof_enough_when_it_cannot_be_that_of_two_contents(tmp_path: Path):
    with serving(Host(tag="", changed=LONG_AGO, cuts=[100_000])) as host:
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked[1] == ("bytes=100000-", LONG_AGO)


def test_without_an_announced_length_the_rest_still_tells_the_whole(tmp_path: Path):
    """Nobody can tell that the first answer was cut; one that is told to go on can."""
    with serving(Host(announced=False)) as host:
        assert fetch(host, tmp_path / "x") == whole()


# ── Starting over ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tag", ['W/"weak"', "", "bare", '"in\u00fcbung"'])
def test_without_proof_that_it_is_the_same_file_everything_comes_again(tmp_path: Path, tag: str):
    today = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 5))
    with serving(Host(tag=tag, changed=today, cuts=[100_000])) as host:
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked == [("", ""), ("", "")]


def test_a_file_that_changed_meanwhile_is_fetched_anew(tmp_path: Path):
    with serving(Host(cuts=[100_000])) as host:
        interrupted(host, tmp_path / "x")
        host.content, host.tag = WHOLE[::-1], '"two"'
        assert fetch(host, tmp_path / "x") == whole(WHOLE[::-1])
    assert (tmp_path / "x").read_bytes() == WHOLE[::-1]


def test_a_changed_file_is_noticed_even_when_the_host_ignores_the_condition(tmp_path: Path):
    with serving(Host(cuts=[100_000], conditions=False)) as host:
        interrupted(host, tmp_path / "x")
        host.content, host.tag = WHOLE[::-1], '"two"'
        assert fetch(host, tmp_path / "x") == whole(WHOLE[::-1])


def test_a_host_without_ranges_sends_everything(tmp_path: Path):
    with serving(Host(cuts=[100_000], ranges=False)) as host:
        found = fetch(host, tmp_path / "x")
        assert (found, found.joined) == (whole(), False)
        assert len(host.asked) == 2


def test_a_file_that_came_in_pieces_says_so_even_when_nothing_is_left_to_fetch(tmp_path: Path):
    with serving(Host()) as host:
        assert not fetch(host, tmp_path / "whole").joined
    with serving(Host(cuts=[100_000])) as host:
        assert fetch(host, tmp_path / "x").joined
        assert fetch(host, tmp_path / "x").joined  # an earlier worker died between the last byte and the look
        assert len(host.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        "bytes 99999-299999/300000",  # overlaps
        "bytes 100001-299999/300000",  # leaves a hole
        "bytes 100000-299999/300001",  # another total
        "bytes 100000-300000/300000",  # ends behind the end
        "bytes 100000-99999/300000",
        "bytes 100000-299999/*",
        "bytes */300000",
        "",
        "nonsense",
    ],
)
def test_a_rest_that_is_not_the_rest_is_not_taken(tmp_path: Path, said: str):
    with serving(Host(cuts=[100_000], lies={"Content-Range": said})) as host:
        assert fetch(host, tmp_path / "x") == whole()
        assert [asked for asked, _ in host.asked] == ["", "bytes=100000-", ""]
    assert (tmp_path / "x").read_bytes() == WHOLE


def test_a_range_that_cannot_be_satisfied_starts_over(tmp_path: Path):
    with serving(Host(cuts=[100_000])) as host:
        interrupted(host, tmp_path / "x")
        host.statuses = [416]
        assert fetch(host, tmp_path / "x") == whole()
        assert [asked for asked, _ in host.asked] == ["bytes=100000-", ""]


def test_another_address_starts_over(tmp_path: Path):
    with serving(Host(cuts=[100_000])) as host:
        interrupted(host, tmp_path / "x")
        assert fetch(host, tmp_path / "x", path="/y.mp4") == whole()
        assert host.asked == [("", "")]


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: partial._notes(file).write_text("{"),
        lambda file: partial._notes(file).unlink(),
        lambda file: partial._notes(file).write_text('{"address": 1}'),
        lambda file: os.truncate(file, 400_000),
    ],
)
def test_damaged_notes_start_over(tmp_path: Path, harm: Callable[[Path], Any]):
    with serving(Host(cuts=[100_000])) as host:
        interrupted(host, tmp_path / "x")
        harm(tmp_path / "x")
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked == [("", "")]
    assert (tmp_path / "x").read_bytes() == WHOLE


def test_after_a_restart_of_the_machine_nothing_here_is_believed(tmp_path: Path, monkeypatch: Any):
    with serving(Host(cuts=[100_000])) as host:
        interrupted(host, tmp_path / "x")
        (tmp_path / "boot").write_text("another start of the machine")
        monkeypatch.setattr(partial, "BOOT", tmp_path / "boot")
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked == [("", "")]


# ── What is not a whole file, and what is none of ours ──────────────────────────────────────────


def test_a_rest_longer_than_announced_is_not_the_rest(tmp_path: Path):
    with serving(Host(cuts=[100_000])) as host:
        interrupted(host, tmp_path / "x")
        host.lies = {"Content-Range": "bytes 100000-299999/300000", "Content-Length": "200100"}
        host.content = WHOLE[::-1] + bytes(100)
        assert fetch(host, tmp_path / "x") == whole(host.content)
        assert [asked for asked, _ in host.asked] == ["bytes=100000-", ""]


def test_an_empty_file_is_no_file(tmp_path: Path):
    with serving(Host(content=b"")) as host, pytest.raises(Interrupted):
        fetch(host, tmp_path / "x")


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_gone_is_called_gone(tmp_path: Path, status: int):
    with serving(Host(statuses=[status])) as host, pytest.raises(Gone):
        fetch(host, tmp_path / "x")


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 429, 500, 503])
def test_no_other_answer_is_a_file_and_no_redirect_is_followed(tmp_path: Path, status: int):
    # A redirect is a word about the address; everything else may pass.
    what = Refused if 300 <= status < 400 else Interrupted
    with serving(Host(statuses=[status])) as host:
        with pytest.raises(what):
            fetch(host, tmp_path / "x")
        assert len(host.asked) == 1
    assert not (tmp_path / "x").exists()


def test_only_listed_hosts_are_asked(tmp_path: Path):
    with serving(Host()) as host:
        for url in ("http://127.0.0.1:9/x", f"{host.url}\x7f", f"ftp://{host.url[7:]}/x", "", "x"):
            with pytest.raises(Refused):
                download.fetch(url, tmp_path / "x", hosts=[host.url[7:]], before=lambda: None)
        assert host.asked == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_larger_than_any_clip_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: Any, announced: bool
):
    monkeypatch.setattr(download, "SIZE_CAP", len(WHOLE) - 1)
    with serving(Host(announced=announced)) as host, pytest.raises(Refused, match="too large"):
        fetch(host, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_dripping_download_is_cut_off_and_goes_on_next_time(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(download, "OVERALL_SECONDS", 0.5)
    with serving(Host(pause=0.02)) as host:
        started = time.monotonic()
        with pytest.raises(Interrupted):
            fetch(host, tmp_path / "x")
        assert time.monotonic() - started < 5
        kept, host.pause = (tmp_path / "x").stat().st_size, 0
        assert fetch(host, tmp_path / "x") == whole()
        assert host.asked[1][0] == f"bytes={kept}-"


def test_whoever_is_told_of_progress_may_end_it_and_what_arrived_is_kept(tmp_path: Path):
    class Enough(Exception):
        pass

    calls = []

    def progress() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Enough

    with serving(Host()) as host:
        with pytest.raises(Enough):
            fetch(host, tmp_path / "x", progress=progress)
        kept = (tmp_path / "x").stat().st_size
        assert fetch(host, tmp_path / "x") == whole()
        assert 0 < kept < len(WHOLE)
        assert host.asked[1][0] == f"bytes={kept}-"


def test_a_full_disk_is_said_by_name_and_the_rest_comes_when_there_is_room(tmp_path: Path):
    with serving(Host()) as host:
        with full_after(100_000), pytest.raises(OSError, match="too large"):
            fetch(host, tmp_path / "x")
        assert fetch(host, tmp_path / "x") == whole()
        assert [asked for asked, _ in host.asked] == ["", "bytes=100000-"]
    assert (tmp_path / "x").read_bytes() == WHOLE


def test_the_authorities_are_read_once_and_the_name_of_a_host_is_checked():
    assert trust() is trust()
    assert trust().check_hostname
    assert trust().get_ca_certs()
