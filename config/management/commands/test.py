"""`manage.py test`: the whole suite by pytest, on PostgreSQL and, where marked, on SQLite too."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

NOTHING_SELECTED = 5  # pytest's exit code
INTERRUPTED = 2  # the same
# With these, spreading the tests over processes is already said or would only be in the way.
ONE_PROCESS = {"-n", "--numprocesses", "--pdb", "--trace", "-s", "--collect-only", "--co", "-h", "--help"}
# Twice as many as processors: most tests wait, for a fal, a browser or a process, more than they work.
PROCESSES = ["-n", str(min(8, 2 * (os.cpu_count() or 1))), "--dist", "loadgroup"]


class Command(BaseCommand):
    help = __doc__ or ""

    def run_from_argv(self, argv: list[str]) -> None:
        # Not through Django's parser: every argument is pytest's.
        sys.exit(run(argv[2:]))


def run(arguments: list[str]) -> int:
    """pytest's exit code: of the suite, then of the tests marked `both_databases` on SQLite."""
    if not ONE_PROCESS.intersection(word.split("=")[0] for word in arguments):
        arguments = [*PROCESSES, *arguments]
    code = pytest(arguments, {})
    if code not in (0, NOTHING_SELECTED) or "DATABASE_URL" in os.environ or "-m" in arguments:
        return code
    with tempfile.TemporaryDirectory(prefix="dailies-") as directory:
        print("\nOnce more, on SQLite: the tests marked both_databases.", flush=True)
        database = f"sqlite:///{Path(directory) / 'tests.sqlite3'}"
        again = pytest([*arguments, "-m", "both_databases"], {"DATABASE_URL": database})
    return code if again == NOTHING_SELECTED else again


def pytest(arguments: list[str], environment: dict[str, str]) -> int:
    # The tests have settings of their own; those of this process must not leak into them. And a run starts
    # hundreds of processes, each of which would compile all of the product where nobody may keep bytecode.
    kept_out = {"DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE"}
    inherited = {name: value for name, value in os.environ.items() if name not in kept_out}
    command = [sys.executable, "-m", "pytest", *arguments]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=inherited | environment) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            # The terminal told pytest as well; it tidies up and reports on its own.
            running.wait()
            return INTERRUPTED
