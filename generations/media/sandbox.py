"""Run a parser of untrusted bytes in a child with little memory, little time and nothing to lose."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
# Larger than any file a child of ours writes.
MOST_WRITTEN = 64 * MIB


class Rejected(Exception):
    """The child could not make sense of the file; the text is for the person who sent it."""


def run(module: str, *arguments: str, memory_mib: int, cpu_seconds: int) -> dict[str, Any]:
    """The JSON that `python -m module arguments` prints. Raises Rejected.

    The child gets no environment, so no key and no database address can leak into it. It limits itself
    before it loads anything: a `preexec_fn` is not safe in a server with threads.
    """
    limits = json.dumps({"AS": memory_mib * MIB, "CPU": cpu_seconds, "FSIZE": MOST_WRITTEN, "CORE": 0})
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _START, limits, _ROOT, module, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=cpu_seconds * 3,
            env={"PATH": "/usr/bin:/bin"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Rejected("This file takes too long to read.") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise Rejected("This file cannot be read: it is damaged or too complex.") from error
    if done.returncode or not isinstance(answer, dict):
        text = answer.get("error") if isinstance(answer, dict) else None
        raise Rejected(str(text or "This file cannot be read."))
    return answer


_ROOT = str(Path(__file__).resolve().parents[2])
# `-I` ignores the environment and the working directory; only our own root is added. macOS knows no
# limit of address space and says so; anywhere else a limit that cannot be set stops the child.
_START = """
import json, resource, runpy, sys
for name, most in json.loads(sys.argv[1]).items():
    try:
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most))
    except (ValueError, OSError):
        if sys.platform != "darwin":
            raise
sys.path.insert(0, sys.argv[2])
del sys.argv[:3]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=False)
"""
