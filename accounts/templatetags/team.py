"""The tabs of the team's pages: those that the policy gives to whoever looks."""

from typing import Any

from django import template
from django.urls import reverse

from accounts.policy import Action

register = template.Library()

# What stands in the tabs: the name of the address, the words, and what one must be allowed to do.
TABS: tuple[tuple[str, str, Action], ...] = (
    ("accounts:members", "Members", Action.SEE_TEAM),
    ("accounts:roles", "Roles", Action.SEE_TEAM),
    ("accounts:tokens", "Tokens", Action.MANAGE_TOKENS),
    ("accounts:webhooks", "Webhooks", Action.MANAGE_WEBHOOKS),
    ("generations:budgets", "Budgets", Action.SET_BUDGETS),
    ("generations:approvals", "Approvals", Action.APPROVE),
    ("accounts:audit", "Audit", Action.SEE_AUDIT),
    ("accounts:settings", "Settings", Action.RENAME),
)


@register.simple_tag(takes_context=True)
def team_tabs(context: dict[str, Any]) -> list[dict[str, Any]]:
    """`href`, `label` and whether it is `here`, for each tab that this actor may open."""
    request, actor = context["request"], context["actor"]
    here = request.resolver_match.view_name if request.resolver_match else ""
    return [
        {"href": reverse(name), "label": label, "here": name == here}
        for name, label, action in TABS
        if actor.may(action)
    ]
