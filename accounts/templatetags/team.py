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
    ("generations:budgets", "Budgets", Action.SET_BUDGETS),
    ("generations:approvals", "Approvals", Action.APPROVE),
    ("accounts:tokens", "Tokens", Action.MANAGE_TOKENS),
    ("accounts:webhooks", "Webhooks", Action.MANAGE_WEBHOOKS),
    ("accounts:audit", "Audit", Action.SEE_AUDIT),
    ("accounts:settings", "Settings", Action.RENAME),
)
# Pages without a tab of their own, and the tab that they are reached from.
BELOW = {
    "accounts:invite": "accounts:members",
    "accounts:webhook": "accounts:webhooks",
    "accounts:webhook_secret": "accounts:webhooks",
    "generations:budget": "generations:budgets",
    "generations:decide": "generations:approvals",
    "accounts:rename": "accounts:settings",
    "accounts:require_second_factor": "accounts:settings",
    "accounts:transfer": "accounts:settings",
    "generations:close": "accounts:settings",
}


@register.simple_tag(takes_context=True)
def team_tabs(context: dict[str, Any]) -> list[dict[str, Any]]:
    """`href`, `label` and `here` (`page`; `true` on a page below it) for each tab that they may open."""
    request, actor = context["request"], context["actor"]
    here = request.resolver_match.view_name if request.resolver_match else ""
    marks = {BELOW.get(here, ""): "true", here: "page"}
    return [
        {"href": reverse(name), "label": label, "here": marks.get(name, "")}
        for name, label, action in TABS
        if actor.may(action)
    ]
