"""Tells people when half of a budget, most of it, or all of it is used up: each once a month."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import bell, letters
from accounts.budgets import those_who_may
from accounts.models import Budget, Membership, User
from accounts.models.budget import LEVELS, month_of
from accounts.policy import Action
from generations import allowance

# Bounded per sweep; what is left over is told by the next.
MOST = 50


def tell() -> int:
    """Tell of what was reached since; of how many budgets."""
    reached = Budget.objects.filter(month=month_of(timezone.now()), most__gt=0, warned__lt=LEVELS[-1])
    reached = reached.filter(used__gt=0, used__gte=F("most") * LEVELS[0] / 100)
    budgets = reached.select_related("member", "token", "workspace").order_by("pk")
    due = [each for each in budgets if each.level > each.warned]
    return sum(_told(each) for each in due[:MOST])


def _told(budget: Budget) -> bool:
    """Whoever marks it tells of it. An order may have used more of it meanwhile; that is told next."""
    level, workspace, member = budget.level, budget.workspace, budget.member
    mine = Budget.objects.filter(pk=budget.pk, month=budget.month, most=budget.most, warned=budget.warned)
    with transaction.atomic():
        if not mine.update(warned=level):
            return False
        people = those_who_may(Action.SET_BUDGETS, workspace)
        subject = allowance.subject(budget)
        _tell(people, budget, f"the budget for {subject}", "generations:budgets")
        here = Membership.objects.active().filter(workspace=workspace, user=member)
        if member and member not in people and here.exists():
            _tell([member], budget, "your budget for this month", "generations:create")
    return True


def _tell(people: list[User], budget: Budget, which: str, page: str) -> None:
    address, level, workspace = bell.path(page), budget.level, budget.workspace
    bell.ring(people, workspace, f"{level} % of {which} is used up", address)
    context = {
        "budget": budget,
        "which": which,
        "level": level,
        "workspace": workspace,
        "link": bell.link(workspace, address),
    }
    for person in people:
        letters.write(person.email, "budget_used", context)
