"""The processes of the ordinary studio; under the names of the product's, so that blows find them."""

import sys
from collections.abc import Mapping

from config.demo.crew import GRANIAN
from config.demo.ports import LOOPBACK

DJANGO = [sys.executable, "-m", "django"]


class Ordinary:
    """See `tests.chaos.stage.Crew`."""

    settings = "tests.chaos.ordinary.settings"
    books = "tests.chaos.ordinary.books"
    ready = "/healthz"
    # What it has lost does not come back however long one waits.
    patience = 25.0

    def commands(self, port: int) -> Mapping[str, list[str]]:
        """Web and three workers."""
        address = ["--host", LOOPBACK, "--port", str(port)]
        web = [sys.executable, "-m", "granian", *GRANIAN, *address, "tests.chaos.ordinary.studio:application"]
        worker = [*DJANGO, "rqworker", "drive"]
        return {"web": web, **dict.fromkeys(("worker-1", "worker-2", "media"), worker)}

    def prepare(self, port: int) -> list[list[str]]:
        """Django's own tables, then those of an app without migrations."""
        migrate = [*DJANGO, "migrate", "--verbosity", "0"]
        return [migrate, [*migrate, "--run-syncdb"]]
