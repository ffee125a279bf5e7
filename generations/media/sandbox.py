"""Run a parser of untrusted bytes in a child with little memory, little time and nothing to lose."""

import json
import resource
import subprocess
import sys
from typing import Any

MIB = 1024 * 1024


class Rejected(Exception):
    """The child could not make sense of the file; the text is for the person who sent it."""


def run(module: str, *arguments: str, memory_mib: int, cpu_seconds: int) -> dict[str, Any]:
    """The JSON that `python -m module arguments` prints. Raises Rejected.

    The child gets no environment, so no key and no database address can leak into it.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_mib * MIB, memory_mib * MIB))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _START, _ROOT, module, *arguments],
            capture_output=True,
            timeout=cpu_seconds * 3,
            preexec_fn=limit,  # noqa: PLW1509 - setrlimit only, in a process that does not share memory
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
        raise Rejected(str(answer.get("error", "This file cannot be read.")))
    return answer


_ROOT = str(__import__("pathlib").Path(__file__).resolve().parents[2])
# `-I` ignores the environment and the working directory; only our own root is added.
_START = "import sys, runpy; sys.path.insert(0, sys.argv[1]); del sys.argv[:2]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=False)"
