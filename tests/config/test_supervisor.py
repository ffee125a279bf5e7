"""The demo's supervisor with small real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.demo import ports
from config.demo.processes import Child
from config.demo.supervisor import RESTARTS, ChildFailed, Supervisor
from config.demo.workplace import InUse, Workplace

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(600)"


def child(name: str, code: str, folder: Path) -> Child:
    return Child(name, [sys.executable, "-c", code], folder / f"{name}.log")


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(what, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(said.append, pause=0.01)
    yield supervisor
    supervisor.stop(1)


def test_a_child_that_dies_is_started_again(supervisor: Supervisor, said: list[str], tmp_path: Path):
    sleeper = child("sleeper", SLEEP, tmp_path)
    supervisor.add(sleeper)
    first = sleeper.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not sleeper.alive())

    def alive_again() -> bool:
        supervisor.check()
        return sleeper.alive()

    wait_for(alive_again)
    assert sleeper.pid != first
    assert said == [f"sleeper ended (exit code -9); starting it again (1 of {RESTARTS})"]


def test_a_child_that_keeps_dying_stops_everything_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
):
    supervisor.add(child("broken", "raise SystemExit('no such table')", tmp_path))
    with pytest.raises(ChildFailed, match=r"broken ended 4 times \(exit code 1\)[\s\S]*no such table"):
        wait_for(supervisor.check)


def test_an_errand_that_fails_is_reported(supervisor: Supervisor, tmp_path: Path):
    with pytest.raises(ChildFailed, match=r"migrate failed \(exit code 7\)"):
        supervisor.run(child("migrate", "raise SystemExit(7)", tmp_path))


def test_stopping_ends_grandchildren_too(tmp_path: Path):
    supervisor = Supervisor(print)
    parent = child(
        "parent",
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        "print(p.pid, flush=True); time.sleep(600)",
        tmp_path,
    )
    supervisor.add(parent)
    wait_for(lambda: parent.last_lines().strip())
    grandchild = int(parent.last_lines())
    supervisor.stop()
    wait_for(lambda: not exists(grandchild))
    assert not exists(parent.pid)


def test_a_stubborn_child_is_killed_when_patience_ends(tmp_path: Path):
    stubborn = child(
        "stubborn",
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)",
        tmp_path,
    )
    supervisor = Supervisor(print)
    supervisor.add(stubborn)
    wait_for(stubborn.last_lines)
    supervisor.stop(0.2)
    assert stubborn.exit_code() == -signal.SIGKILL


def test_the_last_to_start_is_the_first_to_stop(tmp_path: Path):
    note = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n time.sleep(.1); open({note!r}, 'a').write({name!r} + ' '); sys.exit()\n"
        "signal.signal(15, stop); print('ready', flush=True); time.sleep(600)"
    )
    supervisor = Supervisor(print)
    children = [
        child(name, code.format(note=str(note), name=name), tmp_path) for name in ("redis", "worker", "web")
    ]
    for each in children:
        supervisor.add(each)
    wait_for(lambda: all(each.last_lines() for each in children))
    supervisor.stop()
    assert note.read_text().split() == ["web", "worker", "redis"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_children_do_not_outlive_a_supervisor_that_was_killed(tmp_path: Path):
    code = (
        "import sys, time; from pathlib import Path; from config.demo.processes import Child\n"
        f"c = Child('c', [sys.executable, '-c', {SLEEP!r}], Path({str(tmp_path / 'log')!r})); c.start()\n"
        "print(c.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert exists(pid)
        parent.kill()
    wait_for(lambda: not exists(pid))


def test_a_port_is_taken_even_when_its_owner_shares_it():
    with socket.socket() as owner:
        # As granian does it: a second server could bind, and would get half of the visitors.
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        owner.bind((ports.LOOPBACK, 0))
        owner.listen()
        assert ports.taken(owner.getsockname()[1])
    assert not ports.taken(ports.free_port())


def test_a_data_folder_has_one_demo(tmp_path: Path):
    with (
        Workplace(tmp_path).occupied(),
        pytest.raises(InUse, match="already runs"),
        Workplace(tmp_path).occupied(),
    ):
        pass
    with Workplace(tmp_path).occupied():
        pass


def test_reset_removes_what_a_demo_made_and_nothing_else(tmp_path: Path):
    (tmp_path / "thesis.odt").write_text("years of work")
    workplace = Workplace(tmp_path)
    with workplace.occupied():
        secret = workplace.secret()
        workplace.database.write_text("")
        (workplace.media / "clip.mp4").write_text("")
    with workplace.occupied(reset=True):
        assert workplace.secret() != secret
        assert not workplace.database.exists()
        assert list(workplace.media.iterdir()) == []
    assert (tmp_path / "thesis.odt").read_text() == "years of work"


def test_the_secret_stays_the_same_and_is_private(tmp_path: Path):
    workplace = Workplace(tmp_path)
    assert workplace.secret() == Workplace(tmp_path).secret()
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
