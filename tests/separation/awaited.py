"""Rows for pages of the team that are being built, to be moved into `table.py` with their addresses.

Nothing reads this file. A row here is what the policy says, not what a page was seen to do.
"""

from tests.separation.table import Row, row

AWAITED: dict[str, Row] = {
    "accounts:members": row(GET="list"),
    "accounts:roles": row(GET="list"),
    "accounts:member_role": row(POST="leads act", pk="member", data={"role": "viewer"}),
    "accounts:member_suspend": row(POST="leads act", pk="member"),
    "accounts:member_reinstate": row(POST="leads act", pk="member"),
    "generations:member_remove": row(GET="leads' object", POST="leads act", pk="member"),
    "accounts:invite": row(POST="leads' form"),
    "accounts:invitation_resend": row(POST="leads act", pk="invitation"),
    "accounts:invitation_revoke": row(POST="leads act", pk="invitation"),
    "accounts:invitation": row(GET="nothing here", rest="not on open", word="x"),
    "accounts:bell": row(GET="list"),
    "accounts:settings": row(GET="leads' list"),
    "accounts:rename": row(POST="leads' form"),
    "accounts:require_second_factor": row(POST="owners' form"),
    "accounts:transfer": row(POST="owners' form"),
    "generations:close": row(GET="owners' list", POST="owners' form"),
    "accounts:tokens": row(GET="leads' list", POST="leads' form"),
    "accounts:token_revoke": row(POST="leads act", pk="token"),
    "accounts:webhooks": row(GET="leads' list", POST="leads' form"),
    "accounts:webhook": row(GET="leads' object", pk="hook"),
    "accounts:webhook_secret": row(POST="leads act", pk="hook"),
    "accounts:webhook_message_replay": row(POST="leads act", pk="message"),
    "generations:budgets": row(GET="money's list", POST="money's form"),
    "generations:budget": row(GET="money's object", POST="money acts", pk="budget", data={"most": 200}),
    "generations:budget_remove": row(POST="money acts", pk="budget"),
    "generations:approvals": row(GET="money's list"),
    "generations:collections": row(GET="list"),
    "generations:collection": row(GET="their object", pk="collection"),
    "generations:shared": row(GET="nothing here", rest="not on open", word="x"),
    "generations:shared_clip": row(GET="nothing here", rest="not on open", word="x"),
    "generations:shared_poster": row(GET="nothing here", rest="not on open", word="x"),
}
