"""`manage.py demo` as a visitor runs it: whole, from outside, through its own command line."""

import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

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
    lines = (data / "env").read_text().split()
    told = dict(line.split("=", 1) for line in lines)
    return subprocess.run(
        [sys.executable, "manage.py", "check_invariants"],
        cwd=ROOT,
        env=bare_environment(**told),
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


def test_once_makes_a_clip_and_leaves_nothing_running(tmp_path: Path):
    code, output = make_clip(tmp_path)
    assert_made(code, output, tmp_path)


def test_once_tells_a_refusal_from_a_success(tmp_path: Path):
    # The word in brackets is for the offline fal, whose content filter then refuses.
    code, output = make_clip(tmp_path, "A fox at dawn [policy]")
    assert code == 3, output
    assert re.search(r"state: failed\nheld: [1-9]\d*  charged: 0\nclip: none", output), output


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The address of a new database on the suite's PostgreSQL."""
    folder = settings.DATABASES["default"]["OPTIONS"].get("host")
    if folder is None:
        pytest.skip("DATABASE_URL names a server that is not the suite's own")
    name = f"demo_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield f"postgres://postgres@/{name}?host={folder}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.postgres
def test_once_makes_a_clip_on_postgresql_too(tmp_path: Path, empty_database: str):
    code, output = make_clip(tmp_path, DATABASE_URL=empty_database)
    assert_made(code, output, tmp_path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_a_running_demo_stops_when_told_and_leaves_nothing(tmp_path: Path, how: signal.Signals):
    with demo(tmp_path, "--port", str(free_port())) as running:
        assert running.stdout is not None
        seen = []
        for line in running.stdout:
            seen.append(line)
            if "Ctrl-C stops everything" in line:
                break
        running.send_signal(how)
        seen += running.communicate(timeout=60)[0].splitlines(keepends=True)
    output = "".join(seen)
    assert running.returncode == 0, output
    assert "offline: clips are synthetic" in output
    assert "ada@northlight.example" in output
    assert left_behind(tmp_path) == []


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
