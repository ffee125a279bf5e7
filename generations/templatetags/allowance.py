"""Budgets in words, for templates."""

from django import template

from accounts.models import Budget
from generations import allowance

register = template.Library()


@register.filter
def subject(budget: Budget) -> str:
    """Whose and what it is about."""
    return allowance.subject(budget)
