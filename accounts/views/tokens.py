"""The page of API tokens: who has which, making one, revoking one."""

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import paging, tokens
from accounts.actor import ActorRequest, allowed, with_actor
from accounts.models import ApiToken, Budget, Scope
from accounts.policy import Action

PAGE = 50
CURSOR_SALT = "tokens"
LIVES = {"30": "30 days", "90": "90 days", "365": "One year", "": "Until it is revoked"}
TWICE = "This form was sent before, and its token is in the list. Not copied? Revoke it and make another."


class TokenForm(forms.Form):
    """What a new token is for."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        max_length=80,
        widget=forms.TextInput(attrs={"placeholder": "Nightly render"}),
        help_text="What uses it.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    life = forms.ChoiceField(label="Expires after", choices=list(LIVES.items()), required=False)
    monthly = forms.IntegerField(
        label="Credits a month at most",
        required=False,
        min_value=0,
        max_value=10**9,
        help_text="Empty: only the budgets of its maker and the workspace.",
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Action.MANAGE_TOKENS)
def listed(request: ActorRequest) -> HttpResponse:
    """The workspace's tokens; a new one is shown here once, in the answer to the form that made it."""
    if request.method != "POST":
        return _page(request, _blank())
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        made, secret = _made(request, form.cleaned_data)
    except IntegrityError:
        form = _blank()
        messages.warning(request, TWICE)
        return _page(request, form, status=409)
    # No redirect: whatever could be loaded again would show it again.
    return _page(request, _blank(), status=201, made=made, secret=secret)


@require_POST
@with_actor
def revoke(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Nobody gets in with it from the next request on."""
    token = get_object_or_404(ApiToken, pk=pk, workspace=request.actor.workspace)
    if not request.actor.may(Action.MANAGE_TOKENS):
        return render(request, "403.html", status=403)
    if tokens.revoke(request.actor, token):
        messages.success(request, f"{token.name} is revoked.")
    else:
        messages.info(request, f"{token.name} was revoked before.")
    return redirect("accounts:tokens")


def _blank() -> TokenForm:
    return TokenForm(initial={"key": uuid.uuid4(), "scopes": Scope.values, "life": "90"})


def _made(request: ActorRequest, wanted: dict[str, Any]) -> tuple[ApiToken, str]:
    days = wanted["life"]
    with transaction.atomic():
        return tokens.make(
            request.actor,
            wanted["name"],
            wanted["scopes"],
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
            monthly=wanted["monthly"],
            key=wanted["key"],
        )


def _page(request: ActorRequest, form: TokenForm, status: int = 200, **more: Any) -> HttpResponse:
    own = ApiToken.objects.filter(workspace=request.actor.workspace).select_related("user")
    found = paging.newest(own, paging.read(request.GET.get("after", ""), CURSOR_SALT))[: PAGE + 1]
    page, following = paging.cut(list(found), PAGE, CURSOR_SALT)
    limits = Budget.objects.filter(token__in=page, tier="", resolution="")
    context = {
        "form": form,
        "tokens": page,
        "limits": {each.token_id: each for each in limits},
        "next": following,
        **more,
    }
    return render(request, "team/tokens.html", context, status=status)
