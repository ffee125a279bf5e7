"""The sandbox: what a child can see and take, and what becomes of it when anybody is killed."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from generations.media import sandbox
from tests.world import picture

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no /proc and no limit of memory")


def run(*arguments: str, memory_mib: int = 256, cpu_seconds: int = 5) -> dict[str, Any]:
    return sandbox.run(
        "tests.generations.confession", *arguments, memory_mib=memory_mib, cpu_seconds=cpu_seconds
    )


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def gone(*pids: int, seconds: float = 10) -> bool:
    ends = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < ends:
        time.sleep(0.02)
    return not any(map(alive, pids))


def written(file: Path) -> list[int]:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with suppress(FileNotFoundError):
            if said := file.read_text(encoding="utf-8").split():
                return [int(pid) for pid in said]
        time.sleep(0.02)
    raise AssertionError("nobody came")


# ── What a child has ────────────────────────────────────────────────────────────────────────────


def test_a_child_sees_nothing_of_our_environment_nor_does_its_parent(monkeypatch: Any):
    monkeypatch.setenv("FAL_KEY", "secret")
    seen = run("everything")
    assert set(seen["environment"]) <= {"PATH", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert "secret" not in seen["environment of its parent"]
    assert seen["nursery"] != os.getpid()


def test_a_child_has_none_of_our_descriptors():
    with Path(__file__).open("rb") as mine:
        os.set_inheritable(mine.fileno(), True)
        assert run("everything")["descriptors"] == [0, 1, 2]


def test_a_childs_limits_are_those_asked_for():
    most, mib = 64 * 1024 * 1024, 1024 * 1024
    for memory, seconds in ((256, 5), (300, 7)):
        limits = run("everything", memory_mib=memory, cpu_seconds=seconds)["limits"]
        assert limits == {
            "AS": [memory * mib] * 2,
            "CPU": [seconds, seconds + 1],
            "FSIZE": [most] * 2,
            "CORE": [0, 0],
        }


def test_one_nursery_serves_many_files_and_nothing_stays_of_them():
    first, second = run("remember", "one"), run("remember", "two")
    assert (first["before"], second["before"]) == (["one"], ["two"])
    assert first["nursery"] == second["nursery"]
    assert first["pid"] != second["pid"]


# ── Children that misbehave ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("deed", "verdict", "text"),
    [
        ("spin", (sandbox.Rejected, sandbox.Disturbed), "too long"),  # by whose clock, the load decides
        ("eat", sandbox.Rejected, "damaged or too complex"),
        ("chatter", sandbox.Rejected, "damaged or too complex"),
        ("crash", sandbox.Rejected, "damaged or too complex"),
        ("be_killed", sandbox.Disturbed, "too long"),
        ("murder", sandbox.Disturbed, "damaged or too complex"),
        ("no such deed", sandbox.Rejected, "damaged or too complex"),
    ],
)
def test_a_child_that_misbehaves_is_rejected_and_the_next_is_not(deed: str, verdict: Any, text: str):
    started = time.monotonic()
    with pytest.raises(verdict, match=text):
        run(deed, cpu_seconds=2)
    assert time.monotonic() - started < 20
    assert run("everything", "x")["heard"] == ["x"]


def test_a_child_that_does_nothing_is_ended_by_the_clock(tmp_path: Path):
    with pytest.raises(sandbox.Disturbed, match="too long"):
        run("hold", str(tmp_path / "here"), cpu_seconds=1)
    assert gone(written(tmp_path / "here")[1])


def test_a_child_that_will_say_no_more_is_not_waited_for():
    started = time.monotonic()
    with pytest.raises(sandbox.Disturbed):
        run("be_silent", cpu_seconds=10)
    assert time.monotonic() - started < 15


def test_a_child_cannot_fill_the_disk(tmp_path: Path):
    with pytest.raises(sandbox.Rejected):
        run("write", str(tmp_path / "large"))
    assert (tmp_path / "large").stat().st_size <= 64 * 1024 * 1024


def test_after_a_crash_the_layout_of_memory_is_another():
    before = run("everything")["nursery"]
    with pytest.raises(sandbox.Rejected):
        run("crash")
    assert run("everything")["nursery"] != before
    assert gone(before)


def test_after_many_files_the_layout_of_memory_is_another(monkeypatch: Any):
    before = run("everything")["nursery"]
    monkeypatch.setattr(sandbox, "MOST_SERVED", 1)
    run("everything")
    assert run("everything")["nursery"] != before


def test_a_full_disk_says_nothing_about_a_file(tmp_path: Path):
    """The kernel refuses to write there as it refuses on a full disk."""
    with pytest.raises(OSError, match="No space") as full:
        sandbox.run(
            "generations.media.picture", str(shot(tmp_path)), "/dev/full", memory_mib=256, cpu_seconds=5
        )
    assert full.value.errno == errno.ENOSPC


def shot(folder: Path) -> Path:
    (folder / "shot.png").write_bytes(picture(64, 36))
    return folder / "shot.png"


def test_a_module_that_cannot_be_loaded_says_nothing_about_a_file():
    with pytest.raises(sandbox.NoSandbox):
        sandbox.run("tests.generations.nothing", memory_mib=256, cpu_seconds=5)


# ── Who is killed takes along whom it should ────────────────────────────────────────────────────


def test_an_idle_nursery_that_was_killed_is_replaced():
    before = run("everything")["nursery"]
    os.kill(before, signal.SIGKILL)
    assert run("everything")["nursery"] != before


def test_a_nursery_killed_at_work_takes_its_child_along_and_the_file_is_looked_into_again(tmp_path: Path):
    here = tmp_path / "here"
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(run, "hold", str(here), cpu_seconds=3)
        nursery, child = written(here)
        here.unlink()
        os.kill(nursery, signal.SIGKILL)
        again = written(here)
        assert gone(nursery, child)
        assert not {nursery, child} & set(again)
        with pytest.raises(sandbox.Disturbed):  # it holds for too long, that time
            outcome.result()


def test_all_of_it_ends_with_an_owner_who_is_killed(tmp_path: Path):
    with script(f"run('hold', {str(tmp_path / 'here')!r}, memory_mib=256, cpu_seconds=20)") as owner:
        nursery, child = written(tmp_path / "here")
        assert alive(nursery)
        assert alive(child)
        owner.kill()
    assert gone(nursery, child, seconds=5)


def test_a_child_whom_everybody_has_left_is_ended_by_the_clock(tmp_path: Path):
    with script(f"run('hold', {str(tmp_path / 'here')!r}, memory_mib=256, cpu_seconds=1)") as owner:
        nursery, child = written(tmp_path / "here")
        os.kill(nursery, signal.SIGSTOP)
        owner.kill()
        os.kill(nursery, signal.SIGKILL)
    assert gone(child)


def test_idle_nurseries_end_with_their_owner():
    owner = script("print(run('everything', memory_mib=256, cpu_seconds=5)['nursery'])")
    said, _ = owner.communicate(timeout=60)
    assert gone(int(said), seconds=5)


def test_a_forked_copy_of_the_owner_has_nurseries_of_its_own():
    owner = script("""
        import os
        def nursery(): return run('everything', memory_mib=256, cpu_seconds=5)['nursery']
        mine = nursery()
        if not (copy := os.fork()):
            assert nursery() != mine
            os._exit(0)
        assert [nursery() for _ in range(5)] == [mine] * 5
        assert os.waitpid(copy, 0)[1] == 0
        assert nursery() == mine
        print('fine')
    """)
    said, _ = owner.communicate(timeout=60)
    assert said == "fine\n"


def script(code: str) -> "subprocess.Popen[str]":
    """Another process with a sandbox."""
    start = "from functools import partial\nfrom generations.media import sandbox\n"
    start += "run = partial(sandbox.run, 'tests.generations.confession')\n"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", start + textwrap.dedent(code)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_threads_get_the_answers_to_their_own_questions():
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: run("everything", str(number)), range(30)))
    assert [answer["heard"] for answer in answers] == [[str(number)] for number in range(30)]
    assert len([each for each in sandbox._idle if each.module.endswith("confession")]) <= sandbox.MOST_IDLE


def test_an_answer_that_nobody_waited_for_is_not_the_next_files(tmp_path: Path):
    """As when a worker's time-out strikes while a child is at work."""

    class TimeOut(Exception):
        pass

    def strike(*_: Any) -> None:
        raise TimeOut

    old = signal.signal(signal.SIGUSR1, strike)
    main = threading.main_thread().ident
    assert main

    def strike_when_at_work() -> None:
        written(tmp_path / "here")
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=strike_when_at_work)
    thread.start()
    try:
        with pytest.raises(TimeOut):
            run("hold", str(tmp_path / "here"), cpu_seconds=3)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, old)
    assert gone(*written(tmp_path / "here"))
    assert run("everything", "next")["heard"] == ["next"]
