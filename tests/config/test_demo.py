"""`manage.py demo` as a visitor runs it: whole, from outside, through its own command line."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.demo.environment import known_names
from config.demo.ports import LOOPBACK, free_port

ROOT = Path(__file__).resolve().parents[2]
# One after the other: each starts seven processes.
pytestmark = [pytest.mark.redis, pytest.mark.xdist_group("demo")]


def bare_environment(**more: str) -> dict[str, str]:
    """As in a visitor's shell: nothing there is about the product."""
    ours = {*known_names(), "DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER"}
    return {name: value for name, value in os.environ.items() if name not in ours} | more


def demo(data: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "demo", "--data", str(data), "--speed", "50", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=bare_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def make_clip(data: Path, prompt: str = "A fox at dawn", **environment: str) -> tuple[int, str]:
    with demo(data, "--port", str(free_port()), "--once", prompt, **environment) as running:
        output, _ = running.communicate(timeout=180)
    return running.returncode, output


def left_behind(data: Path) -> list[str]:
    """Processes that know the folder, from their command or their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(data).encode() in known and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def check_invariants(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(data / "manage"), "check_invariants"],
        cwd=ROOT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def assert_made(code: int, output: str, data: Path) -> None:
    assert code == 0, output
    made = re.search(r"state: succeeded\nheld: ([1-9]\d*)  charged: \1\nclip: (\S+\.mp4)", output)
    assert made, output
    assert Path(made[2]).read_bytes()[4:8] == b"ftyp"
    assert left_behind(data) == []
    checked = check_invariants(data)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """The folder of a demo that was asked for a clip, and what came of it."""
    data = tmp_path_factory.mktemp("demo")
    return data, *make_clip(data)


@pytest.fixture
def lived_in(first: tuple[Path, int, str]) -> Path:
    """That folder: sample people and clips are there already, which takes half of a start."""
    return first[0]


def test_once_makes_a_clip_and_leaves_nothing_running(first: tuple[Path, int, str]):
    data, code, output = first
    assert_made(code, output, data)


def test_once_tells_a_refusal_from_a_success(lived_in: Path):
    # The word in brackets is for the offline fal, whose content filter then refuses.
    code, output = make_clip(lived_in, "A fox at dawn [policy]")
    assert code == 3, output
    assert re.search(r"state: failed\nheld: [1-9]\d*  charged: 0\nclip: none", output), output


def test_a_running_demo_stops_when_told_and_leaves_nothing(lived_in: Path):
    # On SIGTERM every journey's demo stops; there it has PostgreSQL, too.
    with demo(lived_in, "--port", str(free_port())) as running:
        assert running.stdout is not None
        seen = []
        for line in running.stdout:
            seen.append(line)
            if "Ctrl-C stops everything" in line:
                break
        running.send_signal(signal.SIGINT)
        seen += running.communicate(timeout=60)[0].splitlines(keepends=True)
    output = "".join(seen)
    assert running.returncode == 0, output
    assert "offline: clips are synthetic" in output
    assert "ada@northlight.example" in output
    assert left_behind(lived_in) == []


@pytest.mark.parametrize("prompt", ["", "  "])
def test_once_needs_a_prompt(prompt: str):
    with pytest.raises(CommandError, match="--once needs a prompt"):
        call_command("demo", "--once", prompt)


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path):
    with socket.socket() as owner:
        owner.bind((LOOPBACK, 0))
        owner.listen()
        port = owner.getsockname()[1]
        with demo(tmp_path, "--port", str(port)) as running:
            output, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert output == f"Port {port} is taken; choose another with --port.\n"


def test_without_a_redis_server_it_says_how_to_get_one(tmp_path: Path):
    # A copy of the starter without the unpacked server, and a PATH without any.
    code = "from pathlib import Path; from config import bootstrap; bootstrap.VENV = Path('/nowhere');"
    code += "from config.demo import redis; assert redis.program() is None; print(redis.HOW_TO_GET_ONE)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=bare_environment(PATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "set REDIS_URL" in done.stdout, done.stderr
