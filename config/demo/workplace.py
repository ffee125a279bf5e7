"""The demo's data folder: what is in it, who may use it, how it is emptied."""

import contextlib
import fcntl
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from config.bootstrap import ROOT


class InUse(Exception):
    """Another demo is running on this folder."""


class Workplace:
    """`DATA`: database, clips, mails, logs, and the addresses of the running processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.database = self.directory / "dailies.sqlite3"
        self.media = self.directory / "media"
        self.mail = self.directory / "mail"
        self.logs = self.directory / "logs"
        self.emulator = self.directory / "emulator"
        self.redis = self.directory / "redis"
        self.env = self.directory / "env"
        self.manage = self.directory / "manage"

    @contextlib.contextmanager
    def occupied(self, reset: bool = False) -> Iterator[None]:
        """The folder is ours, and whole, until the block ends."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InUse(
                    f"A demo already runs on {self.directory}; stop it, or choose another folder with --data."
                ) from None
            if reset:
                self.empty()
            for folder in (self.media, self.mail, self.logs, self.emulator, self.redis):
                folder.mkdir(exist_ok=True)
            yield

    def empty(self) -> None:
        """Removes what a demo makes and nothing else, whatever folder was named."""
        for folder in (self.media, self.mail, self.logs, self.emulator, self.redis):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (
            self.env,
            self.manage,
            *self.directory.glob("dailies.sqlite3*"),
            self.directory / "secret",
        ):
            file.unlink(missing_ok=True)

    def secret(self) -> str:
        """The signing key: random, and the same at the next start, so that nobody is signed out."""
        file = self.directory / "secret"
        if not file.exists():
            self.write_private(file, secrets.token_urlsafe(50))
        return file.read_text(encoding="utf-8")

    def write_command(self) -> None:
        """`DATA/manage`: any command of `manage.py`, in this demo's environment."""
        program = shlex.join([sys.executable, str(ROOT / "manage.py")])
        lines = ("#!/bin/sh", "set -a", '. "$(dirname -- "$0")/env"', f'exec {program} "$@"', "")
        self.write_private(self.manage, "\n".join(lines), mode=0o700)

    def write_private(self, file: Path, text: str, mode: int = 0o600) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)

    def remembered(self, name: str) -> str | None:
        """A value of the last run, from `env`."""
        if not self.env.exists():
            return None
        words = shlex.split(self.env.read_text(encoding="utf-8"))
        return next((word.partition("=")[2] for word in words if word.startswith(f"{name}=")), None)
