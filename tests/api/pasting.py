"""Examples of the docs page, taken from it as a browser copies them and run as a reader runs them."""

import html
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.api.programs import Program
from tests.world import Studio, picture

CODE = re.compile(r'<code id="([\w-]+)" data-language="(\w+)">(.*?)</code>', re.DOTALL)


def examples(page: str) -> dict[str, tuple[str, str]]:
    """Language and text of every example of a page, by its id, as a browser copies it."""
    return {key: (language, html.unescape(text)) for key, language, text in CODE.findall(page)}


class Pasted:
    """Runs examples with the environment that the page asks for, while workers work."""

    def __init__(self, studio: Studio, url: str, folder: Path) -> None:
        self.studio, self.folder = studio, folder
        secret = Program.of(studio.world.alice).secret
        self.environment = {"PATH": os.environ["PATH"], "DAILIES_URL": url, "DAILIES_TOKEN": secret}
        (folder / "picture.jpg").write_bytes(picture(kind="JPEG"))

    def fails(self, language: str, text: str) -> bool:
        """Whether it says so by its exit status."""
        command = self._command(language, text)
        told = subprocess.run(command, check=False, cwd=self.folder, env=self.environment, timeout=60)
        return told.returncode != 0

    @staticmethod
    def _command(language: str, text: str) -> list[str]:
        return ["sh", "-c", text] if language == "curl" else [sys.executable, "-c", text]

    def run(self, language: str, text: str, *, working: bool = False) -> str:
        """What it printed. AssertionError when it failed."""
        process = subprocess.Popen(
            self._command(language, text),
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        ends = time.monotonic() + 60
        while working and process.poll() is None and time.monotonic() < ends:
            self.studio.work()
            time.sleep(0.05)
        told, _ = process.communicate(timeout=60)
        assert process.returncode == 0, f"{text}\n{told}"
        assert "problem" not in told, told
        return told
