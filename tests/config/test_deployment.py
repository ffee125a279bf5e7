"""Procfile, compose.yaml, Dockerfile and .env.example tell the same story as the code."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["accounts", "config", "generations", "fal_emulator", "templates", "static", "tests", "docs"]
ROLES = ["web", "worker", "media", "mail", "reconciler"]


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command for name, _, command in (line.partition(": ") for line in lines)}


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_compose_starts_each_process_by_the_line_of_the_procfile():
    assert list(procfile()) == ROLES
    services = compose()["services"]
    assert {role: services[role]["command"] for role in ROLES} == procfile()


def test_compose_has_what_the_processes_need():
    services = compose()["services"]
    assert set(services) == {"postgres", "redis", "migrate", *ROLES}
    assert services["worker"]["deploy"]["replicas"] == 2
    for role in ROLES:
        assert services[role]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert services[role]["read_only"]
    assert services["migrate"]["restart"] == "no"
    assert "noeviction" in services["redis"]["command"]


def test_only_the_proxy_of_the_same_machine_reaches_the_web_process():
    assert compose()["services"]["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_every_compose_volume_is_declared():
    used = {
        volume.split(":")[0]
        for service in compose()["services"].values()
        for volume in service.get("volumes", [])
    }
    assert used == set(compose()["volumes"])


@pytest.mark.parametrize("role", ["worker", "media", "mail", "reconciler"])
def test_a_process_is_a_management_command_that_exists(role: str):
    words = shlex.split(procfile()[role])
    assert words[:2] == ["python", "manage.py"]
    assert words[2] in get_commands()


def test_web_is_granian_serving_the_application_under_wsgi():
    words = shlex.split(procfile()["web"])
    assert words[0] == "granian"
    assert words[words.index("--interface") + 1] == "wsgi"
    assert words[-1] == "config.wsgi:application"


def test_each_worker_listens_to_one_queue_with_the_json_serializer():
    for role, queue in {"worker": "drive", "media": "media", "mail": "mail"}.items():
        words = shlex.split(procfile()[role])
        steady = ["--worker-class", "rq.SimpleWorker"]
        assert words[3:] == [queue, *steady, "--serializer", "rq.serializers.JSONSerializer"]


def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_runs_as_nobody_special_and_installs_by_hash():
    text = "\n".join(dockerfile())
    users = [line.split()[1] for line in dockerfile() if line.startswith("USER")]
    assert users == ["dailies"]
    assert "--uid 10001" in text
    assert "--require-hashes" in text


def test_the_image_compiles_the_failpoints_to_nothing():
    assert "PYTHONOPTIMIZE=1" in "\n".join(dockerfile())


def test_the_image_holds_the_product_and_nothing_that_pretends():
    copied = " ".join(line for line in dockerfile() if line.startswith("COPY"))
    assert "requirements/runtime.txt" in copied
    assert not re.search(r"tests|fal_emulator|dev\.txt|demo\.txt|redis\.txt", copied)
    assert "COPY . " not in copied


def test_the_image_copies_only_what_the_docker_context_lets_through():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = [
        word
        for line in dockerfile()
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert set(sources) == allowed


def test_the_image_starts_the_web_process_unless_told_otherwise():
    command = next(line for line in dockerfile() if line.startswith("CMD"))
    words = re.findall(r'"([^"]+)"', command)
    assert words == shlex.split(procfile()["web"].replace("${WEB_WORKERS:-2}", "2"))


def test_the_example_environment_lists_exactly_the_variables_that_are_read():
    read = set(re.findall(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    read |= set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    listed = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == read


def test_a_shell_can_load_the_example_environment():
    load = 'set -a; . ./.env.example; set +a; printf %s "$EMAIL_FROM"'
    shell = subprocess.run(["sh", "-euc", load], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shell.stdout == "Dailies <dailies@example.com>"


def test_ci_runs_the_test_command_of_the_readme_with_the_browser_required():
    script = (ROOT / ".ci/run").read_text()
    assert "\npython3 manage.py test --require-browser\n" in script
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_git_ignores_no_source_file():
    # A pattern without a leading slash once hid a whole package from every clone.
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "--", *SOURCES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    assert [line for line in listed.stdout.splitlines() if "__pycache__" not in line] == []
