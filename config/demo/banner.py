"""What the demo prints when it is ready: where to go, who to be, where things are."""

import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from config.demo.ports import LOOPBACK
from config.demo.workplace import Workplace

PASSWORD = "dailies-demo-1"  # noqa: S105 - of the sample people, printed for everybody
PEOPLE = {
    "ada@northlight.example": "owner of Northlight Films, creator in Tidewater Studio",
    "iris@northlight.example": "admin there; omar@northlight.example: billing",
    "ben@northlight.example": "creator there, with a budget; one of his shots awaits approval",
    "vera@northlight.example": "may look, not make",
    "cleo@harbour.example": "owner of Harbour Agency, another tenant",
    "root@dailies.example": "administrator (/admin/)",
}
RULE = "─" * 78


def text(workplace: Workplace, environment: Mapping[str, str], offline: bool) -> str:
    people = "\n".join(f"    {email:<26}{what}" for email, what in PEOPLE.items())
    return "\n".join(
        (
            RULE,
            f"  Dailies is ready at  {environment['PUBLIC_URL']}/",
            f"  {fal(environment, offline)}",
            "",
            f"  Sign in as (password of all: {PASSWORD})",
            people,
            "",
            f"  logs  {workplace.logs}",
            f"  data  {workplace.directory}  (mails: {workplace.mail.name}/, clips: {workplace.media.name}/)",
            f"  other commands:  {shlex.quote(str(workplace.manage))} ...  (as `python manage.py ...`)",
            "  Ctrl-C stops everything; --reset starts again from nothing.",
            RULE,
        )
    )


def fal(environment: Mapping[str, str], offline: bool) -> str:
    if offline:
        return "offline: clips are synthetic, and nothing is sent to fal"
    host = urlsplit(environment.get("FAL_QUEUE_URL", "https://queue.fal.run")).netloc
    line = f"ONLINE: every clip is made by {host} and paid for with your FAL_KEY"
    if urlsplit(environment["PUBLIC_URL"]).hostname in ("localhost", LOOPBACK):
        line += "\n  fal's webhooks cannot reach this machine without PUBLIC_URL; polling finishes the clips"
    return line
