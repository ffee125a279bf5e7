"""Who may do what: one table, asked by every view, form and template. Nothing else decides."""

from dataclasses import dataclass
from enum import StrEnum

from accounts.models import Membership, Role, User, Workspace


class Action(StrEnum):
    """What can be done inside a workspace."""

    SEE = "see clips and queue"
    CREATE = "create clips"
    CANCEL_ANY = "cancel a colleague's clip"
    DELETE_ANY = "delete a colleague's clip"
    SEE_CREDITS = "see the statement"


EVERYONE = frozenset(Role)
MAKERS = frozenset({Role.OWNER, Role.ADMIN, Role.CREATOR})
LEADS = frozenset({Role.OWNER, Role.ADMIN})

POLICY: dict[Action, frozenset[Role]] = {
    Action.SEE: EVERYONE,
    Action.CREATE: MAKERS,
    Action.CANCEL_ANY: LEADS,
    Action.DELETE_ANY: LEADS,
    Action.SEE_CREDITS: EVERYONE,
}


@dataclass(frozen=True)
class Actor:
    """A signed-in person acting in one workspace."""

    user: User
    workspace: Workspace
    role: Role

    @classmethod
    def of(cls, membership: Membership) -> "Actor":
        """The actor that a membership makes."""
        return cls(membership.user, membership.workspace, Role(membership.role))

    def may(self, action: Action) -> bool:
        """Whether the policy table allows it."""
        return self.role in POLICY[action]

    def may_on(self, own: Action, others: Action, author_id: int) -> bool:
        """`own` on what the actor made, `others` on what a colleague made."""
        return self.may(own if author_id == self.user.pk else others)

    @property
    def can(self) -> dict[str, bool]:
        """The table row of this actor for templates: `actor.can.CREATE`."""
        return {action.name: self.may(action) for action in Action}
