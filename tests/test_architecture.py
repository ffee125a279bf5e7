"""The shape of the code: which way imports point, how long things may be, what they may not be called."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("accounts", "generations", "config")
FOLDERS = (*PRODUCT, "fal_emulator", "tests", "benchmarks")
PRETENDERS = ("fal_emulator", "fal_client", "tests")
# Who may not import whom: config → generations → accounts, and nobody the other way.
FORBIDDEN = {
    "accounts": ("generations", "config", *PRETENDERS),
    "generations": ("config", *PRETENDERS),
    "config": PRETENDERS,
    "fal_emulator": (*PRODUCT, "tests", "django", "fal_client"),
    # The client of fal could serve any other program; Django's applications are none of its business.
    "generations/fal": ("accounts", "config", "generations", "django.contrib", "django.db", *PRETENDERS),
}
WITHIN = {"generations/fal": "generations.fal"}
VAGUE = {
    "utils",
    "util",
    "helpers",
    "helper",
    "services",
    "service",
    "common",
    "misc",
    "managers",
    "handlers",
}
LONGEST_FUNCTION = 50
LONGEST_FILE = 400


def sources(*folders: str) -> list[Path]:
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [file for file in files if "migrations" not in file.parts]


def imported(file: Path) -> Iterator[str]:
    """Every module a file imports, anywhere in it, by full name."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_point_one_way(folder: str):
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sources(folder)
        for name in imported(file)
        if any(inside(name, package) for package in FORBIDDEN[folder])
        and not inside(name, WITHIN.get(folder, "-"))
    ]
    assert wrong == []


def test_functions_are_short():
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name} has {lines} lines"
        for file in [*sources(*FOLDERS), ROOT / "manage.py"]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


def test_files_fit_in_a_head():
    long = [
        f"{file.relative_to(ROOT)} has {lines} lines"
        for file in sources(*FOLDERS)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing():
    vague = [
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.stem in VAGUE and (path.is_dir() or path.suffix == ".py")
    ]
    assert vague == []


def test_every_module_says_what_its_job_is():
    silent = [
        str(file.relative_to(ROOT))
        for file in sources(*FOLDERS)
        if file.read_text(encoding="utf-8").strip()
        and ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []
