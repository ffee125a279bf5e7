"""System checks: a production start with a dangerous setting is refused, wherever it starts from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings

from config.checks import refuse_unsafe_start

ROOT = Path(__file__).resolve().parents[2]
SAFE: dict[str, object] = {
    "DEBUG": False,
    "SECRET_KEY": "k3y" * 20,
    "PUBLIC_URL": "https://dailies.example.com",
    "ALLOWED_HOSTS": ["dailies.example.com"],
    "FAL_KEY": "some:key",
    "FAL_WEBHOOK_USER_ID": "somebody",
}
DANGERS: dict[str, dict[str, object]] = {
    "config.E001": {"DEBUG": True},
    "config.E002": {"SECRET_KEY": "insecure-development-key-never-use-it-in-production"},
    "config.E003": {"ALLOWED_HOSTS": ["*"]},
    "config.E004": {"FAL_WEBHOOK_USER_ID": ""},
    "config.E006": {"FAL_KEY": ""},
    "config.E013": {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"},
    "config.E007": {"PUBLIC_URL": "http://dailies.example.com"},
    "config.E008": {"PUBLIC_URL": "https://another.example.com"},
    "config.E009": {"CREDITS_MARKUP": "0"},
    "config.E010": {"TIME_SCALE": 0.0},
    "config.E011": {"WELCOME_CREDITS": -5},
    "config.E012": {"STAFF_MFA": False},
}


def found(deploy: bool = False) -> list[str | None]:
    return [message.id for message in checks.run_checks(tags=["dailies"], include_deployment_checks=deploy)]


@override_settings(**SAFE)
def test_a_safe_production_passes():
    assert found(deploy=True) == []
    refuse_unsafe_start()


@pytest.mark.parametrize("identity", DANGERS)
def test_a_danger_is_named_once_by_check_deploy(identity: str):
    with override_settings(**SAFE | DANGERS[identity]):
        assert found(deploy=True) == [identity]


@pytest.mark.parametrize("identity", DANGERS)
def test_a_public_start_with_a_danger_is_refused(identity: str):
    with (
        override_settings(**SAFE | DANGERS[identity]),
        pytest.raises(SystemExit, match=f"does not start[\\s\\S]*{identity}"),
    ):
        refuse_unsafe_start()


@pytest.mark.parametrize("identity", DANGERS)
def test_check_deploy_finds_the_danger_before_the_address_is_public(identity: str):
    private = {"PUBLIC_URL": "http://127.0.0.1:8000", "ALLOWED_HOSTS": ["localhost"]}
    with override_settings(**SAFE | private | DANGERS[identity]):
        assert identity in found(deploy=True)


@override_settings(
    PUBLIC_URL="http://127.0.0.1:8000", ALLOWED_HOSTS=["localhost", "127.0.0.1", "[::1]"], DEBUG=True
)
def test_a_developer_on_loopback_is_left_alone():
    assert found() == []


@pytest.mark.parametrize(("mode", "expected"), [("DEFERRED", ["config.E005"]), ("IMMEDIATE", [])])
def test_sqlite_must_begin_immediate_everywhere(
    mode: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
):
    database = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"transaction_mode": mode}}
    monkeypatch.setattr(settings, "DATABASES", {"default": database})
    assert found() == expected


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of a public installation that is safe but for its secret."""
    unsafe = {
        "PUBLIC_URL": "https://dailies.example.com",
        "ALLOWED_HOSTS": "dailies.example.com",
        "SECRET_KEY": "short",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **unsafe, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "rqworker", "drive", "--burst"],
        ["manage.py", "reconciler"],
        ["-m", "granian", "--interface", "wsgi", "--port", "0", "config.wsgi:application"],
    ],
    ids=["worker", "reconciler", "web"],
)
def test_no_process_starts_with_a_short_secret_in_public(command: list[str]):
    done = start(*command)
    assert done.returncode != 0
    assert "config.E002" in done.stderr + done.stdout
