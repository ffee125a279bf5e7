"""What an audit event says in words: who did what to what, and what is different since."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import AuditEvent
from accounts.models.audit import OPERATOR, STAFF

# Grouped as the filter shows them. Every verb that is written stands here (a test looks).
GROUPS: dict[str, dict[str, str]] = {
    "Members": {
        "member.joined": "joined the workspace",
        "member.added": "added a member",
        "member.role": "changed a member’s role",
        "member.changed": "changed a membership",
        "member.suspended": "suspended a member",
        "member.reinstated": "let a suspended member back in",
        "member.removed": "removed a member",
        "member.left": "left the workspace",
        "generation.handed_over": "left private clips to the workspace",
    },
    "Invitations": {
        "invitation.sent": "invited somebody",
        "invitation.resent": "sent an invitation again",
        "invitation.revoked": "took an invitation back",
    },
    "Workspace": {
        "workspace.created": "created the workspace",
        "workspace.renamed": "renamed the workspace",
        "workspace.changed": "changed the workspace",
        "workspace.second_factor": "changed who needs two-step sign-in",
        "workspace.transferred": "handed the workspace over",
        "workspace.closed": "closed the workspace",
        "user.created": "created a person with this workspace",
        "user.changed": "changed a person’s account",
        "user.deleted": "deleted a person’s account",
        "user.password_set": "set a person’s password",
        "second_factor.removed": "removed a person’s second factor",
    },
    "Budgets and approvals": {
        "budget.set": "set a budget",
        "budget.changed": "changed a budget",
        "budget.dropped": "removed a budget",
        "generation.parked": "asked for approval of a clip",
        "generation.approved": "approved a clip",
        "generation.denied": "denied a clip",
    },
    "Credits": {
        "credits.grant": "added credits by hand",
        "credits.adjust": "adjusted the credits by hand",
        "credits.refund": "refunded a clip",
    },
    "Clips": {
        "generation.created": "ordered a clip",
        "generation.cancel": "cancelled a clip",
        "generation.deleted": "moved a clip to the bin",
        "generation.restored": "took a clip out of the bin",
        "generation.visibility": "changed who sees a clip",
        "collection.created": "made a collection",
        "collection.renamed": "renamed a collection",
        "collection.deleted": "deleted a collection",
    },
    "API and webhooks": {
        "token.created": "made an API token",
        "token.revoked": "revoked an API token",
        "webhook.added": "added a webhook",
        "webhook.changed": "changed a webhook",
        "webhook.enabled": "switched a webhook on",
        "webhook.disabled": "switched a webhook off",
        "webhook.deleted": "deleted a webhook",
        "webhook.rotated": "drew a new secret for a webhook",
        "webhook.secret_shown": "looked at the secret of a webhook",
        "webhook.tested": "sent a test to a webhook",
        "webhook.replayed": "sent a webhook’s delivery again",
    },
    "Exports": {
        "export.audit": "exported the audit trail",
        "export.credits": "exported the statement",
    },
    "Operators": {
        "operations.woken": "woke a clip",
        "operations.try_fal": "had fal asked again",
    },
}
WORDS = {verb: words for group in GROUPS.values() for verb, words in group.items()}
CHOICES = [(group, list(verbs.items())) for group, verbs in GROUPS.items()]
THINGS = {"generation": "clip", "membership": "member", "apitoken": "token", "webhookendpoint": "webhook"}
# `awaiting_approval`, as programs write.
WORD = re.compile(r"[a-z]+(_[a-z]+)+")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*[+]00:00$")
# Numbers of rows, which say nothing to people.
UNTOLD = {"author", "budgets"}


@dataclass(frozen=True)
class Change:
    """A field, and what it was and is; None where it was or is nothing."""

    name: str
    before: str | None
    after: str | None


def words(event: AuditEvent) -> str:
    """“changed a member’s role”; an unknown verb is told by its own name."""
    return WORDS.get(event.verb) or event.verb.replace(".", ": ").replace("_", " ")


def doer(event: AuditEvent) -> str:
    """A person, or who else it can have been."""
    if event.actor:
        return str(event.actor)
    return "An operator" if event.acting_as in (OPERATOR, STAFF) else "Dailies"


def thing(event: AuditEvent) -> str:
    """What it was done to: `clip 3f2a9c01`."""
    kind, _, key = event.object.partition(":")
    return f"{THINGS.get(kind, kind)} {key[:8]}"


def changes(event: AuditEvent) -> list[Change]:
    """What is different since, by field."""
    before, after = event.before or {}, event.after or {}
    names = [*before, *(name for name in after if name not in before)]
    told = [Change(_label(name), _shown(before.get(name)), _shown(after.get(name))) for name in names]
    return [each for each in told if each.before != each.after]


def facts(event: AuditEvent) -> list[tuple[str, str]]:
    """What else was written down."""
    told = [(_label(name), _shown(value)) for name, value in event.detail.items() if name not in UNTOLD]
    return [(name, value) for name, value in told if value]


def _label(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_shown(each) or "–" for each in value) or None
    if isinstance(value, dict):
        return "; ".join(f"{_label(str(name))} {_shown(each) or '–'}" for name, each in value.items())
    text = str(value)
    if STAMP.match(text):
        return f"{datetime.fromisoformat(text):%-d %b %Y, %H:%M}"
    return _label(text) if WORD.fullmatch(text) else text
