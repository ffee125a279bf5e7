"""Who and how much: people, workspaces, wallets, budgets, tokens and the audit trail."""

from accounts.models.audit import AuditEvent
from accounts.models.budget import Budget
from accounts.models.invitations import Invitation
from accounts.models.letters import Letter, Notification
from accounts.models.people import Membership, Role, User, Workspace
from accounts.models.tokens import ApiAnswer, ApiToken, Scope
from accounts.models.wallet import Hold, LedgerEntry, Wallet, open_workspace
from accounts.models.webhooks import WebhookAttempt, WebhookEndpoint, WebhookMessage

__all__ = [
    "ApiAnswer",
    "ApiToken",
    "AuditEvent",
    "Budget",
    "Hold",
    "Invitation",
    "LedgerEntry",
    "Letter",
    "Membership",
    "Notification",
    "Role",
    "Scope",
    "User",
    "Wallet",
    "WebhookAttempt",
    "WebhookEndpoint",
    "WebhookMessage",
    "Workspace",
    "open_workspace",
]
