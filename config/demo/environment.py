"""What the demo's processes find in their environment; the same lines stand in `DATA/env`."""

import os
import re
import shlex
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from config.bootstrap import ROOT
from config.demo.ports import LOOPBACK, free_port, taken
from config.demo.workplace import Workplace

EMULATOR_ACCOUNT = "emulator-account"


def offline(given: Mapping[str, str]) -> bool:
    """Whether the emulator plays fal: only when nobody said where fal is, or who we are to it."""
    return not given.get("FAL_KEY") and not given.get("FAL_QUEUE_URL")


def compose(workplace: Workplace, port: int, redis_url: str, emulator_port: int | None) -> dict[str, str]:
    """Everything `config/settings.py` may need; what the caller's environment says has precedence."""
    own = {
        "DEBUG": "0",
        "SECRET_KEY": workplace.secret(),
        "ALLOWED_HOSTS": ",".join(allowed_hosts()),
        "PUBLIC_URL": f"http://{LOOPBACK}:{port}",
        "DATABASE_URL": f"sqlite:///{quote(str(workplace.database))}",
        "REDIS_URL": redis_url,
        "CACHE_URL": redis_url,
        "EMAIL_URL": f"filemail:///{quote(str(workplace.mail))}",
        "MEDIA_ROOT": str(workplace.media),
        # Its people are samples, and everything happens on this machine.
        "STAFF_MFA": "0",
        "WEBHOOKS_INSIDE": "1",
    }
    if emulator_port is not None:
        own |= emulator_environment(emulator_port)
    given = {name: os.environ[name] for name in known_names() if name in os.environ}
    return {**own, **{name: value for name, value in given.items() if value}}


def emulator_environment(port: int) -> dict[str, str]:
    address = f"http://{LOOPBACK}:{port}"
    return {
        "FAL_KEY": "offline:demo",
        "FAL_QUEUE_URL": address,
        "FAL_REST_URL": address,
        "FAL_API_URL": f"{address}/v1",
        "FAL_JWKS_URL": f"{address}/.well-known/jwks.json",
        "FAL_MEDIA_HOSTS": f"{LOOPBACK}:{port}",
        "FAL_WEBHOOK_USER_ID": EMULATOR_ACCOUNT,
        # Nobody wants to watch a quarter of an hour pass to see how a lost answer ends.
        "TIME_SCALE": "10",
    }


def allowed_hosts() -> list[str]:
    public = urlsplit(os.environ.get("PUBLIC_URL", "")).hostname
    return ["localhost", LOOPBACK, *([public] if public else [])]


def known_names() -> list[str]:
    """The product's variables; `.env.example` lists them all, and a test holds it to that."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE)


def choose_emulator_port(workplace: Workplace) -> int:
    """The last run's port while it is free: requests still open carry addresses with that port."""
    last = urlsplit(workplace.remembered("FAL_QUEUE_URL") or "")
    if last.hostname == LOOPBACK and last.port and not taken(last.port):
        return last.port
    return free_port()


def as_lines(environment: Mapping[str, str]) -> str:
    """As a shell reads them."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())
