"""Who may do what: one table, asked by every view, form, template and the API. Nothing else decides."""

from dataclasses import dataclass
from enum import StrEnum

from accounts.models import ApiToken, Membership, Role, Scope, User, Workspace


class Action(StrEnum):
    """What can be done inside a workspace, in the words of the roles page."""

    SEE = "See clips and the queue"
    CREATE = "Create clips"
    SHARE = "Decide who sees their own clips, and share them by link"
    COLLECT = "Make collections and fill them"
    CANCEL_ANY = "Cancel a colleague’s clip"
    DELETE_ANY = "Delete a colleague’s clip, or unshare it"
    SEE_TEAM = "See who is in the team"
    MANAGE_MEMBERS = "Invite, change roles, suspend and remove"
    SEE_CREDITS = "See the balance and the statement"
    EXPORT_CREDITS = "Export the statement"
    SET_BUDGETS = "Set budgets"
    APPROVE = "Decide about shots that are over a budget"
    MANAGE_TOKENS = "Make and revoke API tokens"
    MANAGE_WEBHOOKS = "Set up webhooks to other programs"
    SEE_AUDIT = "Read and export the audit trail"
    RENAME = "Rename the workspace"
    REQUIRE_MFA = "Require two-step sign-in from everybody"
    TRANSFER = "Hand the workspace over"
    CLOSE = "Close the workspace"


EVERYONE = frozenset(Role)
MAKERS = frozenset({Role.OWNER, Role.ADMIN, Role.CREATOR})
LEADS = frozenset({Role.OWNER, Role.ADMIN})
MONEY = frozenset({Role.OWNER, Role.ADMIN, Role.BILLING})
OWNERS = frozenset({Role.OWNER})

POLICY: dict[Action, frozenset[Role]] = {
    Action.SEE: EVERYONE,
    Action.CREATE: MAKERS,
    Action.SHARE: MAKERS,
    Action.COLLECT: MAKERS,
    Action.CANCEL_ANY: LEADS,
    Action.DELETE_ANY: LEADS,
    Action.SEE_TEAM: EVERYONE,
    Action.MANAGE_MEMBERS: LEADS,
    Action.SEE_CREDITS: EVERYONE,
    Action.EXPORT_CREDITS: MONEY,
    Action.SET_BUDGETS: MONEY,
    Action.APPROVE: MONEY,
    Action.MANAGE_TOKENS: LEADS,
    Action.MANAGE_WEBHOOKS: LEADS,
    Action.SEE_AUDIT: OWNERS,
    Action.RENAME: LEADS,
    Action.REQUIRE_MFA: OWNERS,
    Action.TRANSFER: OWNERS,
    Action.CLOSE: OWNERS,
}

# What a token may do at most, whatever its maker's role allows: programs run no teams.
SCOPES: dict[Scope, frozenset[Action]] = {
    Scope.READ: frozenset({Action.SEE}),
    Scope.CREATE: frozenset({Action.CREATE, Action.CANCEL_ANY}),
    Scope.CREDITS: frozenset({Action.SEE_CREDITS}),
}


@dataclass(frozen=True)
class Actor:
    """A signed-in person, or a program with their token, acting in one workspace."""

    user: User
    workspace: Workspace
    role: Role
    token: ApiToken | None = None

    @classmethod
    def of(cls, membership: Membership, token: ApiToken | None = None) -> "Actor":
        """The actor that a membership makes."""
        return cls(membership.user, membership.workspace, Role(membership.role), token)

    def may(self, action: Action) -> bool:
        """Whether the policy table allows it, and the token if there is one."""
        if self.token and not any(action in SCOPES[Scope(each)] for each in self.token.scopes):
            return False
        return self.role in POLICY[action]

    def may_on(self, own: Action, others: Action, author_id: int) -> bool:
        """`own` on what the actor made, `others` on what a colleague made."""
        return self.may(own if author_id == self.user.pk else others)

    def covers(self, role: str) -> bool:
        """Whether their own role may all that this one may: nobody gives or takes more than they have."""
        return all(self.role in roles for roles in POLICY.values() if role in roles)

    @property
    def capacity(self) -> str:
        """In what capacity, for the audit trail: the role, or the token."""
        return f"token {self.token.prefix}" if self.token else self.role.value

    @property
    def can(self) -> dict[str, bool]:
        """The table row of this actor for templates: `actor.can.CREATE`."""
        return {action.name: self.may(action) for action in Action}
