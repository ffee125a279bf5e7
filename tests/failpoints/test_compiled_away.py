"""In the image, which runs optimised, no failpoint is left: not as a comparison, not as a name in a step."""

import importlib.util
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from generations.failpoints import POINTS

ROOT = Path(__file__).parents[2]
PRODUCT = [
    path
    for folder in ("accounts", "config", "generations")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
]
# Runs a program in which every failpoint would be heard, and says which were.
PROGRAM = """
import sys
from generations import failpoints
heard = []
failpoints.hook = heard.append
def step():
    assert failpoints.failpoint("submit.sending")
step()
print(heard, sys.flags.optimize)
"""


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def callers(path: Path, optimize: int) -> list[str]:
    """Functions that name `failpoint`; a module names it once, to import it."""
    module = compile(path.read_text(encoding="utf-8"), str(path), "exec", optimize=optimize)
    return [each.co_qualname for each in codes(module) if each is not module and "failpoint" in each.co_names]


def test_optimised_no_step_of_the_product_names_a_failpoint() -> None:
    steps = [step for path in PRODUCT for step in callers(path, optimize=0)]
    assert {"_send", "follow", "settle", "place"} <= set(steps)  # so this test would see them
    assert [step for path in PRODUCT for step in callers(path, optimize=1)] == []


def test_every_point_stands_in_the_code_once_and_in_an_assert() -> None:
    lines = [
        line.strip()
        for path in PRODUCT
        if path.name != "failpoints.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if "failpoint(" in line
    ]
    assert Counter(lines) == Counter(f'assert failpoint("{point}")' for point in POINTS)


@pytest.mark.parametrize(("flags", "said"), [((), "['submit.sending'] 0"), (("-O",), "[] 1")])
def test_a_hook_hears_nothing_under_python_o(flags: tuple[str, ...], said: str) -> None:
    assert importlib.util.find_spec("generations.failpoints")
    command = [sys.executable, *flags, "-c", PROGRAM]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == said


def test_a_name_that_is_not_in_the_list_is_an_error() -> None:
    from generations import failpoints  # noqa: PLC0415 - the hook is the module's own

    failpoints.hook = lambda point: None
    try:
        with pytest.raises(ValueError, match=r"submit\.snding"):
            failpoints.failpoint("submit.snding")
    finally:
        failpoints.hook = None
