"""The product as what is put to the test: its processes and what runs once before them."""

import sys
from collections.abc import Mapping

from config.demo import static
from config.demo.crew import GRANIAN, MANAGE, WORKER
from config.demo.ports import LOOPBACK


class Product:
    """See `tests.chaos.stage.Crew`."""

    settings = "config.settings"
    books = "tests.chaos.product_books"
    ready = "/readyz"
    patience = float("inf")

    def commands(self, port: int) -> Mapping[str, list[str]]:
        """As in the Procfile, with two workers."""
        address = ["--host", LOOPBACK, "--port", str(port)]
        return {
            "web": [sys.executable, "-m", "granian", *GRANIAN, *address, "config.wsgi:application"],
            "worker-1": [*MANAGE, "rqworker", "drive", *WORKER],
            "worker-2": [*MANAGE, "rqworker", "drive", *WORKER],
            "media": [*MANAGE, "rqworker", "media", *WORKER],
            "reconciler": [*MANAGE, "reconciler"],
        }

    def prepare(self, port: int) -> list[list[str]]:
        """Tables, and static files as the pages name them."""
        commands = [[*MANAGE, "migrate", "--noinput", "--verbosity", "0"]]
        if static.stale():
            commands.append([*MANAGE, "collectstatic", "--noinput", "--verbosity", "0"])
        return commands
