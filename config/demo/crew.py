"""Who runs in the demo: each process of the product, with the command that starts it."""

import sys
from collections.abc import Mapping

from config.bootstrap import ROOT
from config.demo.environment import EMULATOR_ACCOUNT
from config.demo.ports import LOOPBACK
from config.demo.processes import Child
from config.demo.workplace import Workplace

MANAGE = [sys.executable, str(ROOT / "manage.py")]
# As in the Procfile: every step has time-outs of its own, and what parses files does so in a child.
WORKER = ["--worker-class", "rq.SimpleWorker", "--serializer", "rq.serializers.JSONSerializer"]
GRANIAN = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", "4", "--workers-kill-timeout", "2"]


def crew(workplace: Workplace, port: int, environment: Mapping[str, str]) -> list[Child]:
    """The product's own processes, in the order in which they stop."""
    address = ["--host", LOOPBACK, "--port", str(port)]
    commands = {
        "web": [sys.executable, "-m", "granian", *GRANIAN, *address, "config.wsgi:application"],
        "reconciler": [*MANAGE, "reconciler"],
        "worker": [*MANAGE, "rqworker", "drive", *WORKER],
        "media": [*MANAGE, "rqworker", "media", *WORKER],
        "mail": [*MANAGE, "rqworker", "mail", *WORKER],
    }
    return [
        Child(name, command, workplace.logs / f"{name}.log", environment)
        for name, command in commands.items()
    ]


def emulator(workplace: Workplace, port: int, speed: float) -> Child:
    command = [sys.executable, "-m", "fal_emulator", "--host", LOOPBACK, "--port", str(port)]
    command += ["--data", str(workplace.emulator), "--speed", str(speed), "--user-id", EMULATOR_ACCOUNT]
    return Child("emulator", command, workplace.logs / "emulator.log")


def errand(workplace: Workplace, environment: Mapping[str, str], *arguments: str) -> Child:
    """A management command that runs once and ends."""
    name = arguments[0]
    return Child(name, [*MANAGE, *arguments], workplace.logs / f"{name}.log", environment)
