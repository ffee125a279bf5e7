"""Who and how much: people, workspaces, wallets and the audit trail."""

from accounts.models.audit import AuditEvent
from accounts.models.people import Membership, Role, User, Workspace
from accounts.models.wallet import Hold, LedgerEntry, Wallet, open_workspace

__all__ = [
    "AuditEvent",
    "Hold",
    "LedgerEntry",
    "Membership",
    "Role",
    "User",
    "Wallet",
    "Workspace",
    "open_workspace",
]
