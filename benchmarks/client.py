"""`python -m benchmarks.client OPERATION ARGUMENTS CLIENTS`: so many processes repeating one operation.

A line with a number of seconds on standard input starts a turn; a line of JSON tells what was done.
The processes are forked after everything is imported, and connect for themselves.
"""

import importlib
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import django

Operation = Callable[[], bool]


def main() -> None:
    path, arguments, clients = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    django.setup()
    module, _, name = path.partition(":")
    prepare = getattr(importlib.import_module(module), name)
    context = multiprocessing.get_context("fork")
    pipes = []
    for _ in range(clients):
        ours, theirs = context.Pipe()
        context.Process(target=obey, args=(theirs, prepare, arguments), daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    print("ready", flush=True)
    for line in sys.stdin:
        for pipe in pipes:
            pipe.send(float(line))
        print(json.dumps([pipe.recv() for pipe in pipes]), flush=True)


def obey(pipe: Connection, prepare: Callable[..., Operation], arguments: dict[str, Any]) -> None:
    """One client."""
    operation = prepare(**arguments)
    pipe.send("ready")
    while True:
        pipe.send(repeat(operation, pipe.recv()))


def repeat(operation: Operation, seconds: float) -> dict[str, Any]:
    """Do it until the time is over. An error is counted by its name and its first words."""
    done = refused = 0
    errors: Counter[str] = Counter()
    worst = 0.0
    begun = now = time.monotonic()
    while now < begun + seconds:
        before = now
        try:
            if operation():
                done += 1
            else:
                refused += 1
        except Exception as error:  # noqa: BLE001 - what people's code raises is what is measured
            errors[f"{type(error).__name__}: {str(error)[:60]}".strip()] += 1
        now = time.monotonic()
        worst = max(worst, now - before)
    return {"done": done, "refused": refused, "errors": errors, "worst": worst, "seconds": now - begun}


if __name__ == "__main__":
    main()
