"""`manage.py` on a bare Python: real virtual environments, with one tiny wheel in place of the libraries."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from config import bootstrap

# The tests share one environment, which takes seconds to make.
pytestmark = pytest.mark.xdist_group("bootstrap")
ROOT = Path(__file__).resolve().parents[2]
# Stands for Django: says which interpreter and which arguments it was started with.
PRETENDER = """import sys
def execute_from_command_line(argv):
    print("RAN", sys.prefix, *argv[1:])
"""


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """A wheel of these files; returns its line for a lock."""
    files = files | {
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in files)
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in (files | {f"{name}-1.0.dist-info/RECORD": record}).items():
            archive.writestr(path, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Clone:
    """A checkout with nothing but the starter and the locks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.wheels = folder / "wheels"
        self.venv = self.folder / ".venv"
        self.wheels.mkdir()
        (self.folder / "config").mkdir(parents=True)
        (self.folder / "requirements").mkdir()
        for file in ("manage.py", "config/__init__.py", "config/bootstrap.py"):
            shutil.copy(ROOT / file, self.folder / file)
        core = {"django/__init__.py": "", "django/core/__init__.py": ""}
        django = make_wheel(self.wheels, "django", core | {"django/core/management.py": PRETENDER})
        extra = make_wheel(self.wheels, "extra", {"extra.py": ""})
        server = make_wheel(self.wheels, "server", {"server.py": ""})
        for lock, text in {"demo": django, "dev": django + extra, "redis": server}.items():
            (self.folder / "requirements" / f"{lock}.txt").write_text(text)

    def run(
        self, *arguments: str, python: str = sys.executable, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        clean |= {
            "PATH": "/usr/bin:/bin",
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(self.wheels),
        }
        command = [python, *python_flags(arguments), "manage.py", *(a for a in arguments if a != "-S")]
        return subprocess.run(
            command, cwd=self.folder, env=clean | environment, capture_output=True, text=True, check=False
        )


def python_flags(arguments: tuple[str, ...]) -> list[str]:
    return ["-S"] if "-S" in arguments else []


def assert_one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which `demo` has run once."""
    clone = Clone(tmp_path_factory.mktemp("bootstrap"))
    done = clone.run("demo", "--port", "1")
    assert done.returncode == 0, done.stderr
    assert f"RAN {clone.venv} demo --port 1" in done.stdout
    return clone


def test_the_second_start_installs_nothing(clone: Clone):
    done = clone.run("demo")
    assert done.stdout.splitlines() == [f"RAN {clone.venv} demo"]


def test_other_commands_continue_inside_the_environment_once_it_is_there(clone: Clone):
    assert clone.run("migrate").stdout.splitlines() == [f"RAN {clone.venv} migrate"]


def test_test_adds_what_demo_did_not_need_and_demo_is_content_with_it(clone: Clone):
    done = clone.run("test")
    assert "requirements/dev.txt" in done.stdout
    assert "requirements/redis.txt" not in done.stdout
    (clone.venv / "demo.installed").unlink()
    assert "Installing" not in clone.run("demo").stdout


def test_a_half_finished_installation_is_repaired_by_running_again(clone: Clone):
    for stamp in clone.venv.glob("*.installed"):
        stamp.unlink()
    package = next(clone.venv.glob("lib/python*/site-packages/django"))
    shutil.rmtree(package)
    shutil.rmtree(next(package.parent.glob("django-*.dist-info")))
    done = clone.run("demo")
    assert done.returncode == 0, done.stderr
    assert "RAN" in done.stdout


def test_an_environment_whose_python_is_gone_is_made_again(clone: Clone):
    (clone.venv / "bin" / "python").unlink()
    done = clone.run("demo")
    assert "Setting up .venv" in done.stdout
    assert "RAN" in done.stdout


def test_an_environment_left_without_a_whole_pip_is_made_again(clone: Clone):
    for stamp in clone.venv.glob("*.installed"):
        stamp.unlink()
    (next(clone.venv.glob("lib/python*/site-packages/pip")) / "__main__.py").unlink()
    done = clone.run("demo")
    assert "Setting up .venv" in done.stdout
    assert "RAN" in done.stdout


def test_a_new_lock_is_installed_at_the_next_start(clone: Clone):
    lock = clone.folder / "requirements" / "demo.txt"
    (clone.venv / "dev.installed").unlink(missing_ok=True)
    lock.write_text(lock.read_text() + "# changed\n")
    assert "Installing requirements/demo.txt" in clone.run("demo").stdout


def test_without_network_there_is_one_sentence_and_the_next_run_repairs(clone: Clone):
    (clone.venv / "demo.installed").unlink(missing_ok=True)
    (clone.venv / "dev.installed").unlink(missing_ok=True)
    package = next(clone.venv.glob("lib/python*/site-packages/django-*.dist-info"))
    shutil.rmtree(package)
    nowhere = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    sentence = assert_one_sentence(clone.run("demo", PIP_RETRIES="1", **nowhere))
    assert "cannot be reached" in sentence
    assert clone.run("demo").returncode == 0


def test_a_package_with_another_hash_is_not_installed(clone: Clone):
    (clone.venv / "dev.installed").unlink(missing_ok=True)
    lock = clone.folder / "requirements" / "dev.txt"
    good = lock.read_text()
    lock.write_text("extra==1.0 --hash=sha256:" + "0" * 64 + "\n")
    for installed in clone.venv.glob("lib/python*/site-packages/extra-*.dist-info"):
        shutil.rmtree(installed)
    try:
        assert "hash" in assert_one_sentence(clone.run("test"))
    finally:
        lock.write_text(good)


def test_a_python_without_django_and_environment_says_what_to_run(tmp_path: Path):
    sentence = assert_one_sentence(Clone(tmp_path).run("migrate", "-S"))
    assert "python3 manage.py demo" in sentence


def test_an_old_python_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 14))
    with pytest.raises(bootstrap.CannotSetUp, match=r"needs Python 3\.11 or newer, and this is Python 3\.10"):
        bootstrap.refuse_old_python()


@pytest.mark.parametrize("file", ["manage.py", "config/__init__.py", "config/bootstrap.py"])
def test_an_old_python_can_at_least_read_the_starter(file: str):
    ast.parse((ROOT / file).read_text(), feature_version=(3, 8))


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "DISK_NEEDED", {"demo": 10**12})
    with pytest.raises(bootstrap.CannotSetUp, match="MB of disk"):
        bootstrap.set_up("demo", inside=False)
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Failed to establish a new connection", "cannot be reached"),
        ('SSLError("the SSL module is not available.")', "connect securely"),
        ("ERROR: No matching distribution found for av", "no ready-made package"),
        ("PermissionError: [Errno 13] Permission denied", "cannot be written"),
    ],
)
def test_what_pip_says_becomes_a_reason(output: str, reason: str):
    assert reason in bootstrap.reason_in(output)
