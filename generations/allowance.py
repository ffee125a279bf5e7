"""What budgets leave of an order, in words for people."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.budgets import names_of, those_who_may
from accounts.models import Budget, Hold
from accounts.policy import Action
from generations.catalogue import Quality, resolution_label


def subject(budget: Budget) -> str:
    """Whose and what: `Bob, 4K` or `every creator, Veo 3.1 Lite`."""
    return ", ".join(each for each in (_who(budget), _what(budget)) if each)


def _who(budget: Budget) -> str:
    who = str(budget.member or budget.token or "")
    return who or (f"every {budget.get_role_display().lower()}" if budget.role else "the workspace")


def _what(budget: Budget) -> str:
    tier = Quality(budget.tier).label if budget.tier in list(Quality) else budget.tier
    return " in ".join(each for each in (tier, resolution_label(budget.resolution)) if each)


def limit(budget: Budget) -> str:
    """The limit and what is left of it, as `the budget of 100 credits a month for Bob (12 left)`."""
    if not budget.most and budget.beyond == Budget.Beyond.ASK:
        on = f" on {what}" if (what := _what(budget)) else ""
        return f"what {_who(budget)} may spend{on} without approval"
    if not budget.most:
        return f"the budget for {subject(budget)}, which allows nothing"
    left = max(0, budget.left())
    return f"the budget of {budget.most} credits a month for {subject(budget)} ({left} left)"


def refusal(budget: Budget, amount: int) -> str:
    """Why an order is refused, and whom to ask."""
    return f"This costs {amount} credits, over {limit(budget)}. Nothing was charged.{_raisers(budget)}"


def _raisers(budget: Budget) -> str:
    people = names_of(those_who_may(Action.SET_BUDGETS, budget.workspace))
    return f" {people} can raise it." if people else ""


@dataclass(frozen=True)
class Allowance:
    """What the budgets that apply say before the press of the button."""

    tightest: Budget | None
    amount: int
    refuses: Budget | None
    asks: Budget | None

    @property
    def after(self) -> int | None:
        """What would be left of the tightest; None where there is none."""
        return None if self.tightest is None else self.tightest.left() - self.amount

    @property
    def refusal(self) -> str:
        """What will happen: it is refused."""
        if self.refuses is None:
            return ""
        return f"Over {limit(self.refuses)}, so it will be refused.{_raisers(self.refuses)}"

    @property
    def asking(self) -> str:
        """What will happen: it waits for somebody."""
        if self.asks is None:
            return ""
        people = names_of(those_who_may(Action.APPROVE, self.asks.workspace))
        return f"Over {limit(self.asks)}: it will wait for approval by {people}, with nothing held."

    @property
    def words(self) -> str:
        """Whose budget the tightest is."""
        return subject(self.tightest) if self.tightest else ""


def allowance(budgets: Iterable[Budget], hold: Hold, amount: int) -> Allowance:
    """Of all the budgets of a workspace, for an order of so many credits like `hold`."""
    mine = sorted((each for each in budgets if each.is_about(hold)), key=lambda each: each.left())
    over = [each for each in mine if each.left() < amount]
    refuses = next((each for each in over if each.beyond == Budget.Beyond.REFUSE), None)
    asks = next((each for each in over if each.beyond == Budget.Beyond.ASK), None)
    return Allowance(mine[0] if mine else None, amount, refuses, asks)


def budgets_of(workspace: uuid.UUID) -> list[Budget]:
    """All of a workspace, with what their words need: one query."""
    found = Budget.objects.filter(workspace=workspace).select_related("member", "token", "workspace")
    return list(found.order_by("created_at", "pk"))
