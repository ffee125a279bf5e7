"""Holes in what keeps tenants apart: what somebody might leave out, and which proof of separation notices."""

from tests.defects.catalogue import Defect

SWAP = ("tests/separation/test_swap.py",)
DISJOINT = ("tests/separation/test_disjoint.py",)
FORGERY = ("tests/separation/test_forgery.py",)
EXPORT = ("tests/accounts/test_csv_export.py", "tests/accounts/test_audit_page.py")
ROWS = ("tests/separation/test_matrix.py::test_every_address_has_a_row_and_every_row_an_address",)


def matrix(*names: str) -> tuple[str, ...]:
    """The access matrix of these addresses."""
    test = "tests/separation/test_matrix.py::test_everybody_gets_what_the_table_says"
    return tuple(f"{test}[{name}]" for name in names)


HOLES = (
    Defect(
        "hole: clips of every workspace are seen",
        "generations/models/generation.py",
        "return self.filter(own, workspace=actor.workspace)",
        "return self.filter(own)",
        SWAP,
    ),
    Defect(
        "hole: what a colleague keeps private is seen",
        "generations/models/generation.py",
        "return self.filter(own, workspace=actor.workspace)",
        "return self.filter(workspace=actor.workspace)",
        DISJOINT,
    ),
    Defect(
        "hole: uploads of every workspace are seen",
        "generations/models/media.py",
        "return self.filter(own, workspace=actor.workspace)",
        "return self.filter(own)",
        SWAP,
    ),
    Defect(
        "hole: an input file is given out without asking whose it is",
        "generations/views/media.py",
        "get_object_or_404(Upload.objects.visible_to(request.actor), pk=pk)",
        "get_object_or_404(Upload, pk=pk)",
        matrix("generations:upload"),
    ),
    Defect(
        "hole: a clip is given out without asking whose it is",
        "generations/views/media.py",
        "Generation.objects.visible_to(request.actor).filter(clip__isnull=False)",
        "Generation.objects.filter(clip__isnull=False)",
        DISJOINT,
    ),
    Defect(
        "hole: media needs no sign-in",
        "generations/views/media.py",
        '@require_safe\n@with_actor\ndef poster(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:\n    """The still of a generation."""\n    return _answer(serve(request, vault(), _clip(request, pk).poster, content_type="image/webp"))',
        'from django.contrib.auth.decorators import login_not_required\n\n\n@login_not_required\n@require_safe\ndef poster(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:\n    """The still of a generation."""\n    clip = Generation.objects.get(pk=pk).clip\n    assert clip\n    return _answer(serve(request, vault(), clip.poster, content_type="image/webp"))',
        matrix("generations:poster"),
    ),
    Defect(
        "hole: the statement shows every wallet's entries",
        "generations/views/statement.py",
        "return LedgerEntry.objects.filter(wallet=actor.workspace.wallet).select_related(",
        "return LedgerEntry.objects.select_related(",
        DISJOINT,
    ),
    Defect(
        "hole: the statement shows every wallet's holds",
        "generations/views/statement.py",
        "held = Hold.objects.filter(wallet=wallet, state=Hold.State.HELD)",
        "held = Hold.objects.filter(state=Hold.State.HELD)",
        DISJOINT,
    ),
    Defect(
        "hole: anybody switches into any workspace",
        "accounts/views/switching.py",
        "mine = Membership.objects.active().filter(user=request.user.pk)",
        "mine = Membership.objects.active()",
        matrix("accounts:switch"),
    ),
    Defect(
        "hole: a suspended member switches into the workspace",
        "accounts/views/switching.py",
        "mine = Membership.objects.active().filter(user=request.user.pk)",
        "mine = Membership.objects.filter(user=request.user.pk)",
        matrix("accounts:switch"),
    ),
    Defect(
        "hole: the bin of every workspace can be emptied out",
        "generations/views/detail.py",
        "    away = Generation.objects.in_bin_of(request.actor)\n    generation = get_object_or_404(away, pk=pk)",
        "    away = Generation.objects.filter(deleted_at__isnull=False)\n    generation = get_object_or_404(away, pk=pk)",
        SWAP,
    ),
    Defect(
        "hole: anybody's clip can be remixed by its id",
        "generations/forms.py",
        "if key and Generation.objects.visible_to(self.actor).filter(pk=key).exists():",
        "if key and Generation.objects.filter(pk=key).exists():",
        SWAP,
    ),
    Defect(
        "hole: another workspace's file can be sent by its id",
        "generations/forms.py",
        "mine = Upload.objects.visible_to(self.actor).filter(kind=self.upload_kind)\n        upload = mine",
        "mine = Upload.objects.filter(kind=self.upload_kind)\n        upload = mine",
        SWAP,
    ),
    Defect(
        "hole: another workspace's clip can be extended",
        "generations/views/create.py",
        'return Generation.objects.visible_to(actor).filter(pk=uuid.UUID(key or "")).first()',
        'return Generation.objects.filter(pk=uuid.UUID(key or "")).first()',
        SWAP,
    ),
    Defect(
        "hole: live answers are given about everybody's clips",
        "generations/views/gallery.py",
        "Generation.objects.visible_to(request.actor).for_cards().filter(pk__in=known)",
        "Generation.objects.for_cards().filter(pk__in=known)",
        SWAP,
    ),
    Defect(
        "hole: viewers may create",
        "accounts/policy.py",
        "    Action.CREATE: MAKERS,\n",
        "    Action.CREATE: EVERYONE,\n",
        matrix("generations:create"),
    ),
    Defect(
        "hole: billing may delete what others made",
        "accounts/policy.py",
        "    Action.DELETE_ANY: LEADS,\n",
        "    Action.DELETE_ANY: LEADS | MONEY,\n",
        matrix("generations:delete"),
    ),
    Defect(
        "hole: administrators read the audit trail",
        "accounts/policy.py",
        "    Action.SEE_AUDIT: OWNERS,\n",
        "    Action.SEE_AUDIT: LEADS,\n",
        matrix("accounts:audit"),
    ),
    Defect(
        "hole: a GET deletes",
        "generations/views/detail.py",
        "@require_POST\n@with_actor\ndef delete(",
        "@with_actor\ndef delete(",
        matrix("generations:delete"),
    ),
    Defect(
        "hole: deleting needs no token of a form",
        "generations/views/detail.py",
        "@require_POST\n@with_actor\ndef delete(",
        "from django.views.decorators.csrf import csrf_exempt\n\n\n@csrf_exempt\n@require_POST\n@with_actor\ndef delete(",
        FORGERY,
    ),
    Defect(
        "hole: looking at a clip writes",
        "generations/views/detail.py",
        "    generation = _seen(request, pk)\n    explain([generation])",
        "    generation = _seen(request, pk)\n    Generation.objects.filter(pk=pk).update(tries=generation.tries + 1)\n    explain([generation])",
        FORGERY,
    ),
    Defect(
        "hole: the queue asks for no sign-in",
        "generations/views/gallery.py",
        "@require_safe\n@with_actor\ndef queue(",
        "from django.contrib.auth.decorators import login_not_required\n\n\n@login_not_required\n@require_safe\n@with_actor\ndef queue(",
        matrix("generations:queue"),
    ),
    Defect(
        "hole: suspended members and closed workspaces are let in",
        "accounts/middleware.py",
        "        Membership.objects.active()\n",
        "        Membership.objects.all()\n",
        DISJOINT,
    ),
    Defect(
        "hole: the workspace of the address is taken from whoever is in none of it",
        "accounts/middleware.py",
        "        memberships = [each for each in memberships if each.workspace_id == named]\n",
        "        memberships.sort(key=lambda each: each.workspace_id != named)\n",
        DISJOINT,
    ),
    Defect(
        "hole: an export calculates in a spreadsheet",
        "accounts/csv_export.py",
        'return f"\'{text}" if FORMULA.match(text) else text',
        "return text",
        EXPORT,
    ),
    Defect(
        "hole: the audit export gives out every workspace's trail",
        "accounts/views/audit.py",
        "AuditEvent.objects.filter(workspace=request.actor.workspace)",
        "AuditEvent.objects.all()",
        DISJOINT,
    ),
    Defect(
        "hole: whoever sees the statement may export it",
        "generations/views/statement.py",
        "@allowed(Action.EXPORT_CREDITS)",
        "@allowed(Action.SEE_CREDITS)",
        matrix("generations:credits_export"),
    ),
    Defect(
        "hole: an export leaves no trace",
        "generations/views/statement.py",
        '        "export.credits", actor.workspace, actor=actor.user, acting_as=actor.capacity, entries=last\n    ).save()',
        '        "export.credits", actor.workspace, actor=actor.user, acting_as=actor.capacity, entries=last\n    )',
        EXPORT,
    ),
    Defect(
        "hole: a new page that nobody declared",
        "generations/urls.py",
        '    path("bin/", detail.binned, name="bin"),\n',
        '    path("bin/", detail.binned, name="bin"),\n    path("everything/", detail.binned, name="everything"),\n',
        ROWS,
    ),
)
