"""Holes in what teams have: members, invitations, budgets, approvals, tokens, webhooks, links, collections."""

from tests.defects.catalogue import Defect
from tests.defects.holes import DISJOINT, SWAP, matrix

APART = "tests/separation/test_disjoint.py"
PRIVATE = (f"{APART}::test_a_private_clip_is_its_authors",)
SHARED = (f"{APART}::test_what_is_not_shared_any_more_is_not_there_by_its_link",)
BELL = (f"{APART}::test_a_bell_is_its_persons_alone",)
INVITED = (f"{APART}::test_an_invitation_is_accepted_by_nobody_but_whom_it_was_for",)
PEOPLE = ("tests/accounts/test_team.py",)
TOKENS = ("tests/api/test_who.py",)
FACTORS = (f"{APART}::test_where_a_second_factor_is_required_neither_people_nor_programs_work_without_one",)

TEAM_HOLES = (
    Defect(
        "hole: an invitation is accepted by whoever has the letter",
        "accounts/inviting.py",
        "    if not invitation.email or user.email.lower() == invitation.email:\n",
        "    if True:\n",
        INVITED,
    ),
    Defect(
        "hole: an administrator makes an owner",
        "accounts/team.py",
        "        if not actor.covers(role):\n            raise NotAllowed\n",
        "",
        PEOPLE,
    ),
    Defect(
        "hole: the last owner is demoted",
        "accounts/team.py",
        "return _as_read(membership).filter(Exists(owners.exclude(pk=membership.pk)))",
        "return _as_read(membership)",
        PEOPLE,
    ),
    Defect(
        "hole: the tokens of who was removed stay good",
        "accounts/team.py",
        "tokens = ApiToken.objects.filter(**own, revoked_at=None).update(revoked_at=moment)",
        "tokens = ApiToken.objects.filter(**own, revoked_at=None).count()",
        PEOPLE,
    ),
    Defect(
        "hole: the team page shows members of every workspace",
        "accounts/views/members.py",
        "people = _named(Membership.objects.filter(workspace=actor.workspace), words)",
        "people = _named(Membership.objects.all(), words)",
        DISJOINT,
    ),
    Defect(
        "hole: somebody of another workspace is handed the workspace",
        "accounts/forms/workspaces.py",
        "Membership.objects.active().filter(workspace=actor.workspace).exclude(user=actor.user)",
        "Membership.objects.active().exclude(user=actor.user)",
        SWAP,
    ),
    Defect(
        "hole: a token's scopes are not asked",
        "accounts/policy.py",
        "        if self.token and not any(action in SCOPES[Scope(each)] for each in self.token.scopes):\n            return False\n",
        "",
        matrix("api:credits"),
    ),
    Defect(
        "hole: programs download with a token for anything",
        "generations/api/generations.py",
        "    need(request.actor, Action.SEE)\n    found = _seen(request.actor, pk)\n    if found.clip",
        "    found = _seen(request.actor, pk)\n    if found.clip",
        matrix("api:video"),
    ),
    Defect(
        "hole: a revoked token works",
        "generations/api/bearer.py",
        " or not found.is_live(moment)",
        "",
        TOKENS,
    ),
    Defect(
        "hole: the token of who is suspended works",
        "generations/api/bearer.py",
        "member = Membership.objects.active().filter(",
        "member = Membership.objects.filter(",
        TOKENS,
    ),
    Defect(
        "hole: the token works in whatever workspace the address names",
        "generations/api/bearer.py",
        "if actor is None or named not in (None, actor.workspace.pk):",
        "if actor is None:",
        DISJOINT,
    ),
    Defect(
        "hole: programs of who lacks a second factor are let in",
        "generations/api/bearer.py",
        '        if needs_second_factor(actor.user, actor.workspace):\n            raise Problem("second-factor")\n',
        "",
        FACTORS,
    ),
    Defect(
        "hole: staff work in the back office without a second factor",
        "accounts/middleware.py",
        "        if back_office and user.is_staff and settings.STAFF_MFA:\n            return True\n",
        "",
        matrix("admin:index"),
    ),
    Defect(
        "hole: programs use another workspace's clip",
        "generations/api/uploads.py",
        'Generation.objects.visible_to(actor).select_related("clip").filter(pk=key)',
        'Generation.objects.select_related("clip").filter(pk=key)',
        SWAP,
    ),
    Defect(
        "hole: programs read every wallet's statement",
        "generations/api/credits.py",
        "LedgerEntry.objects.filter(wallet=request.actor.workspace.wallet)",
        "LedgerEntry.objects.all()",
        DISJOINT,
    ),
    Defect(
        "hole: viewers see the secret of a webhook",
        "accounts/views/webhooks.py",
        "@allowed(Action.MANAGE_WEBHOOKS)\n@never_cache\ndef reveal",
        "@allowed(Action.SEE)\n@never_cache\ndef reveal",
        matrix("accounts:webhook_secret"),
    ),
    Defect(
        "hole: another workspace's webhook is shown and changed",
        "accounts/views/webhooks.py",
        'mine = WebhookEndpoint.objects.of(actor.workspace).select_related("created_by")',
        'mine = WebhookEndpoint.objects.select_related("created_by")',
        SWAP,
    ),
    Defect(
        "hole: another workspace's message is sent again",
        "accounts/views/webhooks.py",
        "get_object_or_404(WebhookMessage, pk=pk, endpoint__in=mine)",
        "get_object_or_404(WebhookMessage, pk=pk)",
        SWAP,
    ),
    Defect(
        "hole: another workspace's budget can be changed",
        "generations/views/budgets.py",
        '    """Another limit for one of them."""\n    budget = get_object_or_404(Budget, pk=pk, workspace=request.actor.workspace)',
        '    """Another limit for one of them."""\n    budget = get_object_or_404(Budget, pk=pk)',
        SWAP,
    ),
    Defect(
        "hole: another workspace's token gets a budget",
        "generations/views/budgets.py",
        "ApiToken.objects.filter(workspace=actor.workspace, revoked_at=None)",
        "ApiToken.objects.filter(revoked_at=None)",
        SWAP,
    ),
    Defect(
        "hole: creators approve",
        "accounts/policy.py",
        "    Action.APPROVE: MONEY,\n",
        "    Action.APPROVE: MONEY | MAKERS,\n",
        matrix("generations:decide"),
    ),
    Defect(
        "hole: another workspace's order is approved",
        "generations/views/approvals.py",
        "get_object_or_404(Generation.objects.of(request.actor), pk=pk)",
        "get_object_or_404(Generation, pk=pk)",
        SWAP,
    ),
    Defect(
        "hole: what was decided about and is private now stays on the page",
        "templates/team/approvals.html",
        '<span class="decided-words">{% if generation|hidden_from:user %}',
        '<span class="decided-words">{% if False %}',
        DISJOINT,
    ),
    Defect(
        "hole: the bell shows what colleagues are told",
        "accounts/views/bell.py",
        '_mine(request).select_related("workspace")',
        'Notification.objects.filter(workspace__memberships__user=request.user.pk).select_related("workspace")',
        BELL,
    ),
    Defect(
        "hole: reading one's bell reads everybody's",
        "accounts/views/bell.py",
        "_mine(request).filter(read_at=None)",
        "Notification.objects.filter(read_at=None)",
        BELL,
    ),
    Defect(
        "hole: a link opens what is not shared any more",
        "generations/sharing.py",
        "        visibility=Visibility.LINK, deleted_at=None, clip__isnull=False, workspace__closed_at=None\n    )\n    pk, key = uuid.UUID(bytes=known[:16]), uuid.UUID(bytes=known[16:])\n    return shared.filter(pk=pk, link_key=key)",
        "        deleted_at=None, clip__isnull=False, workspace__closed_at=None\n    )\n    pk = uuid.UUID(bytes=known[:16])\n    return shared.filter(pk=pk)",
        SHARED,
    ),
    Defect(
        "hole: a link opens what has a newer one",
        "generations/sharing.py",
        "return shared.filter(pk=pk, link_key=key)",
        "return shared.filter(pk=pk)",
        SHARED,
    ),
    Defect(
        "hole: a colleague's private clip is in a collection",
        "generations/views/collections.py",
        "return CollectionItem.objects.filter(generation__in=seen)",
        "return CollectionItem.objects.all()",
        PRIVATE,
    ),
    Defect(
        "hole: the statement tells what is private",
        "templates/generations/_entry_clip.html",
        "{% if generation|hidden_from:user %}",
        "{% if False %}",
        PRIVATE,
    ),
    Defect(
        "hole: the exported statement tells what is private",
        "generations/views/statement.py",
        'return "(private)" if hidden else clip.prompt',
        "return clip.prompt",
        PRIVATE,
    ),
    Defect(
        "hole: another workspace's clip is collected",
        "generations/gallery_forms.py",
        "seen = list(Generation.objects.visible_to(self.actor).filter(pk__in=keys))",
        "seen = list(Generation.objects.filter(pk__in=keys))",
        SWAP,
    ),
    Defect(
        "hole: administrators close the workspace",
        "accounts/policy.py",
        "    Action.CLOSE: OWNERS,\n",
        "    Action.CLOSE: LEADS,\n",
        matrix("generations:close"),
    ),
)
