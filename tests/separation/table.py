"""Every address, the kind of page it is for each method, and what stands in its path.

A new address: add `"room:name": row(GET="list")`. Methods that are not named are `no such method`; HEAD is
GET's kind. A word of the path names one of `cast.Tenant.things`, or of its `keys`, which open to whoever has
them; `data` is what a POST sends: a form, or JSON as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.separation.asking import METHODS
from tests.separation.cast import NONE
from tests.separation.urlconf import Pattern


@dataclass(frozen=True)
class Row:
    """The kind of page by method, the things in the path, and what is sent."""

    kinds: Mapping[str, str]
    at: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] | str = field(default_factory=dict)


def row(*, data: Mapping[str, Any] | str | None = None, rest: str = "no such method", **given: Any) -> Row:
    """Methods in capitals, words of the path in small letters."""
    kinds = {method: given.pop(method, rest) for method in METHODS if method != "HEAD"}
    kinds["HEAD"] = given.pop("HEAD", kinds["GET"])
    return Row(kinds, given, data or {})


NOT_ON = {
    "open page": "not on open",
    "for newcomers": "not on newcomers'",
    "by factor again": "no, factor again",
}


def form(page: str, sent: str = "", **more: Any) -> Row:
    """One of allauth's forms: its page, what an empty one sent is answered; PUT is POST there."""
    no = NOT_ON.get(page, "not on own")
    return row(**{"GET": page, "POST": sent or page, "PUT": sent or page, "OPTIONS": page, "rest": no} | more)


def by_key(**given: Any) -> Row:
    """For requests without a session: whoever has the key, or the token; other methods are nobody's."""
    return row(**{"GET": "not on open", "rest": "not on open"} | given)


def everything(kind: str, **more: Any) -> Row:
    """The same by every method."""
    return row(GET=kind, rest=kind, **more)


STUDIO = {
    "generations:home": row(GET="front door"),
    "generations:create": row(GET="makers' page", POST="makers' form"),
    "generations:quote": row(POST="list"),
    "generations:queue": row(GET="list"),
    "generations:gallery": row(GET="list"),
    "generations:bin": row(GET="list"),
    "generations:live": row(GET="list"),
    "generations:credits": row(GET="list"),
    "generations:credits_export": row(POST="money's list"),
    "generations:detail": row(GET="their object", pk="clip"),
    "generations:cancel": row(POST="leads act", pk="waiting"),
    "generations:again": row(POST="makers act", pk="clip"),
    "generations:delete": row(POST="leads act", pk="clip"),
    "generations:restore": row(POST="leads act", pk="binned"),
    "generations:clip": row(GET="their object", pk="clip"),
    "generations:poster": row(GET="their object", pk="clip"),
    "generations:upload": row(GET="their object", pk="upload"),
    "generations:visibility": row(POST="leads act", pk="shared", data={"visibility": "workspace"}),
    "generations:collections": row(GET="list", POST="makers' form"),
    "generations:collect": row(POST="makers' form"),
    "generations:collection": row(GET="their object", pk="collection"),
    "generations:rename_collection": row(POST="makers act", pk="collection", data={"name": "Others"}),
    "generations:delete_collection": row(POST="makers act", pk="collection"),
    "generations:uncollect": row(POST="makers act", pk="collection"),
    "generations:shared": by_key(GET="open page", word="share"),
    "generations:shared_clip": by_key(GET="open page", word="share"),
    "generations:shared_poster": by_key(GET="open page", word="share"),
    "generations:fal_webhook": row(POST="signed webhook", GET="not on open", rest="not on open", token=NONE),
}

MONEY = {
    "generations:budgets": row(GET="money's list", POST="money's form"),
    "generations:budget": row(POST="money acts", pk="budget", data={"most": 200, "beyond": "refuse"}),
    "generations:budget_remove": row(POST="money acts", pk="budget"),
    "generations:approvals": row(GET="money's list"),
    "generations:decide": row(POST="money acts", pk="parked", data={"decision": "approve"}),
}

PEOPLE = {
    "accounts:switch": row(POST="members act", pk="workspace"),
    "accounts:workspace_new": row(GET="own page", POST="own form"),
    "accounts:settings": row(GET="leads' list"),
    "accounts:rename": row(POST="leads' form"),
    "accounts:require_second_factor": row(POST="owners' form", data={"required": "on"}),
    "accounts:transfer": row(POST="owners' form"),
    "generations:close": row(GET="owners' list", POST="owners' form"),
    "accounts:members": row(GET="list"),
    "accounts:roles": row(GET="list"),
    "accounts:member_role": row(POST="leads act", pk="member", data={"role": "viewer"}),
    "accounts:member_suspend": row(POST="leads act", pk="member"),
    "accounts:member_reinstate": row(POST="leads act", pk="member"),
    "generations:member_remove": row(POST="leads act", pk="member"),
    "generations:leave": row(POST="way out of a team"),
    "accounts:invite": row(GET="leads' list", POST="leads' form"),
    "accounts:invitation_resend": row(POST="leads act", pk="invitation"),
    "accounts:invitation_revoke": row(POST="leads act", pk="invitation"),
    "accounts:invitation": by_key(GET="open page", POST="invited", word="invited"),
    "accounts:name": row(GET="own page", POST="own form"),
    "accounts:bell": row(GET="own page"),
    "accounts:bell_read": row(POST="own act"),
    "accounts:audit": row(GET="owners' list"),
    "accounts:audit_export": row(POST="owners' list"),
}

PROGRAMS = {
    "accounts:tokens": row(GET="leads' list", POST="leads' form"),
    "accounts:token_revoke": row(POST="leads act", pk="token"),
    "accounts:webhooks": row(GET="leads' list", POST="leads' form"),
    "accounts:webhook": row(GET="leads' object", POST="leads' act, bad", pk="hook"),
    # Nobody may see it by an address that can be loaded again, so it is a POST.
    "accounts:webhook_secret": row(POST="leads' object", pk="hook"),
    "accounts:webhook_enable": row(POST="leads act", pk="hook"),
    "accounts:webhook_disable": row(POST="leads act", pk="hook"),
    "accounts:webhook_rotate": row(POST="leads act", pk="hook"),
    "accounts:webhook_delete": row(POST="leads act", pk="hook"),
    "accounts:webhook_test": row(POST="leads act", pk="hook"),
    "accounts:webhook_replay": row(POST="leads act", pk="hook"),
    "accounts:webhook_message_replay": row(POST="leads act", pk="message"),
}

WISH = '{"endpoint": "fal-ai/veo3.1/lite", "input": {"prompt": "A pier"}}'
API = {
    "api:openapi": by_key(GET="open page"),
    "api:docs": by_key(GET="open page"),
    "api:endpoints": by_key(GET="api to know"),
    "api:endpoint": by_key(GET="api to know", endpoint_id="fal-ai/veo3.1/lite"),
    "api:quotes": by_key(POST="api to make", data=WISH),
    "api:uploads": by_key(POST="api to make, bad"),
    "api:generations": by_key(GET="api to read", POST="api to make", data=WISH),
    "api:generation": by_key(GET="api to read", pk="clip"),
    "api:cancel": by_key(POST="api to make", pk="waiting"),
    "api:video": by_key(GET="api to read", pk="clip"),
    "api:credits": by_key(GET="api to count"),
    "api:ledger": by_key(GET="api to count"),
    # Whatever else begins as the API does is not there, for whoever asks and however.
    "api:nothing": everything("nothing here"),
}

PROBES = {
    "unnamed healthz": row(GET="open page", rest="not on open"),
    "unnamed readyz": row(GET="open page", rest="not on open"),
    "unnamed metrics": row(GET="nothing here", rest="not on open"),
}

NO_KEY = "1-2"
# Where it says `own act` by every method, allauth asks for the password again first.
ALLAUTH = {
    "account_login": form("for newcomers"),
    "account_signup": form("for newcomers"),
    "account_logout": row(GET="own page", POST="way out", OPTIONS="open page", rest="not on open"),
    "account_inactive": row(GET="open page", OPTIONS="open page", rest="not on open"),
    "account_reauthenticate": form("own page"),
    "account_email": form("own page", "own act"),
    "account_email_verification_sent": row(GET="open page", OPTIONS="open page", rest="not on open"),
    "account_change_password": form("own page"),
    "account_set_password": everything("own act"),
    "account_reset_password": form("open page"),
    "account_confirm_login_code": everything("own act"),
    "account_confirm_email": row(
        GET="open page", POST="nothing here", OPTIONS="open page", rest="not on open", key=NO_KEY
    ),
    "account_reset_password_from_key_done": row(GET="open page", OPTIONS="open page", rest="not on open"),
    "account_reset_password_from_key": everything("open page", uidb36="1", key=NO_KEY),
    "account_reset_password_done": row(GET="open page", OPTIONS="open page", rest="not on open"),
    "mfa_index": row(GET="own page", OPTIONS="own page", rest="not on own"),
    "mfa_authenticate": everything("own act"),
    "mfa_reauthenticate": form("by factor again"),
    "mfa_activate_totp": everything("own act"),
    "mfa_deactivate_totp": everything("with a factor"),
    "mfa_view_recovery_codes": row(GET="not theirs", OPTIONS="own page", rest="not on own"),
    "mfa_generate_recovery_codes": everything("own act"),
    "mfa_download_recovery_codes": everything("not theirs"),
    "mfa_list_webauthn": row(GET="own page", OPTIONS="own page", rest="not on own"),
    "mfa_add_webauthn": everything("own act"),
    "mfa_reauthenticate_webauthn": everything("own act"),
    "mfa_remove_webauthn": everything("own act", pk=1),
    "mfa_edit_webauthn": everything("own act", pk=1),
    "mfa_login_webauthn": row(
        GET="own act", POST="own act", PUT="own act", OPTIONS="for newcomers", rest="not on newcomers'"
    ),
}

ROWS: dict[str, Row] = STUDIO | MONEY | PEOPLE | PROGRAMS | API | PROBES | ALLAUTH

# The back office has one rule: administrators with a second factor, and nobody else.
READ_ONLY = (
    "accounts_wallet", "accounts_hold", "accounts_ledgerentry", "accounts_letter", "accounts_auditevent",
    "generations_generation", "generations_delivery", "generations_upload", "generations_clip",
    "generations_heartbeat",
    "generations_breaker", "django_rq_dashboard",
)  # fmt: skip
NEVER = {f"admin:{model}_{act}" for model in READ_ONLY for act in ("add", "delete")} - {
    "admin:django_rq_dashboard_delete"
}
NEVER |= {"admin:accounts_workspace_delete", "admin:accounts_user_delete"}
# They belong to django-rq and to Django: an id of nothing breaks them, for administrators alone.
BRITTLE = {
    "admin:django_rq_dashboard_change", "admin:django_rq_dashboard_delete",
    "admin:django_rq_dashboard_history",
    "admin:django_rq_delete_job", "admin:django_rq_enqueue_job", "admin:django_rq_requeue_job",
    "admin:django_rq_scheduler_jobs", "admin:django_rq_worker_details", "admin:view_on_site",
}  # fmt: skip
OFFICE = {"queue_index": 0, "scheduler_index": 0, "connection_index": 0, "object_id": 1, "url": "x",
          "content_type_id": 1, "token": "x", "app_label": "accounts", "id": 1}  # fmt: skip


def row_of(pattern: Pattern) -> Row | None:
    """The address's own row, or the rule of the back office; None when somebody has to add one."""
    if pattern.name.startswith("admin:"):
        kind = "back office, no" if pattern.name in NEVER else "back office"
        kind = {"admin:logout": "back office's end", "admin:login": "back office's door"}.get(
            pattern.name, kind
        )
        return everything(kind, **{word: OFFICE.get(word, "none") for word in pattern.words})
    return ROWS.get(pattern.name)
