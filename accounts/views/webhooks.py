"""Pages about webhooks: which there are, what each was told and what came of it, and the buttons."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import paging
from accounts.actor import ActorRequest, allowed
from accounts.forms.webhooks import EndpointForm
from accounts.models import WebhookEndpoint, WebhookMessage
from accounts.policy import Action, Actor
from accounts.webhooks import endpoints, outbox
from accounts.webhooks.types import TYPES

PAGE = 30
CURSOR_SALT = "webhook messages"
# Every event is written once for each endpoint.
MOST_ENDPOINTS = 20


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Action.MANAGE_WEBHOOKS)
def webhooks(request: ActorRequest) -> HttpResponse:
    """All of the workspace's endpoints, and a form for another."""
    mine = list(WebhookEndpoint.objects.of(request.actor.workspace).order_by("created_at")[:MOST_ENDPOINTS])
    form = EndpointForm(request.POST if request.method == "POST" else None)
    full = len(mine) >= MOST_ENDPOINTS
    if request.method == "POST" and full:
        form.add_error(None, f"A workspace has at most {MOST_ENDPOINTS} webhooks.")
    if request.method == "POST" and form.is_valid():
        made = endpoints.add(request.actor, form.cleaned_data["url"], form.cleaned_data["events"])
        messages.success(request, "Added. Give its secret to the other program, then send a test.")
        return redirect("accounts:webhook", pk=made.pk)
    context = {"endpoints": mine, "form": form, "types": TYPES, "full": full}
    return render(request, "team/webhooks.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Action.MANAGE_WEBHOOKS)
def webhook(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """One endpoint and its log; a POST changes its address and events."""
    endpoint = _of(request.actor, pk)
    if request.method != "POST":
        return _page(request, endpoint)
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _page(request, endpoint, form=form, status=422)
    if endpoints.change(request.actor, endpoint, form.cleaned_data["url"], form.cleaned_data["events"]):
        messages.success(request, "Saved.")
    else:
        messages.error(request, "Somebody changed it meanwhile. Look at it again.")
    return redirect("accounts:webhook", pk=pk)


@require_POST
@allowed(Action.MANAGE_WEBHOOKS)
@never_cache
def reveal(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """The page with the secret on it; that somebody saw it is written down."""
    endpoint = _of(request.actor, pk)
    endpoints.note_look(request.actor, endpoint)
    return _page(request, endpoint, secret=endpoint.secret)


# What the buttons do; what is said when it was done, and when there was nothing to do.
ACTS: dict[str, tuple[Callable[[Actor, WebhookEndpoint], Any], str, str]] = {
    "enable": (endpoints.enable, "Switched on. New events are sent to it.", "It is on already."),
    "disable": (
        lambda actor, endpoint: endpoints.disable(endpoint, actor),
        "Switched off. Nothing is sent to it any more.",
        "It is off already.",
    ),
    "rotate": (
        endpoints.rotate,
        "It has a new secret. For 24 hours messages are signed with the old one as well.",
        "Somebody has just done that.",
    ),
    "delete": (endpoints.delete, "Deleted.", "It was deleted already."),
    "test": (outbox.send_test, "A test event is on its way.", "It is off. Switch it on first."),
    "replay": (
        outbox.replay_failed,
        "What was not delivered is on its way again.",
        "There is nothing to send again, or the webhook is off.",
    ),
}


@require_POST
@allowed(Action.MANAGE_WEBHOOKS)
def act(request: ActorRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """Do one of ACTS, and say so."""
    endpoint = _of(request.actor, pk)
    do, done, not_done = ACTS[verb]
    if do(request.actor, endpoint):
        messages.success(request, done)
    else:
        messages.info(request, not_done)
    return redirect("accounts:webhooks") if verb == "delete" else redirect("accounts:webhook", pk=pk)


@require_POST
@allowed(Action.MANAGE_WEBHOOKS)
def replay(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Send one message again."""
    mine = WebhookEndpoint.objects.of(request.actor.workspace)
    message = get_object_or_404(WebhookMessage, pk=pk, endpoint__in=mine)
    if outbox.replay(request.actor, message):
        messages.success(request, "It is on its way again, under the same id.")
    else:
        messages.info(request, "It is being sent right now, or the webhook is off.")
    return redirect("accounts:webhook", pk=message.endpoint_id)


def _of(actor: Actor, pk: uuid.UUID) -> WebhookEndpoint:
    mine = WebhookEndpoint.objects.of(actor.workspace).select_related("created_by")
    return get_object_or_404(mine, pk=pk)


def _page(
    request: ActorRequest,
    endpoint: WebhookEndpoint,
    *,
    form: EndpointForm | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    after = request.GET.get("after", "")
    log = WebhookMessage.objects.filter(endpoint=endpoint).prefetch_related("attempts")
    found = paging.newest(log, paging.read(after, CURSOR_SALT))[: PAGE + 1]
    shown, following = paging.cut(list(found), PAGE, CURSOR_SALT)
    context = {
        "endpoint": endpoint,
        "form": form or EndpointForm.about(endpoint),
        "secret": secret,
        "log": [_row(each) for each in shown],
        "next": following,
        # While something was just written, the log looks again by itself.
        "fresh": not after
        and any(each.standing in ("waiting", "sending") and each.tries < 2 for each in shown),
        "lost": any(each.standing == "given up" for each in shown),
    }
    return render(request, "team/webhook.html", context, status=status)


def _row(message: WebhookMessage) -> dict[str, Any]:
    """A message with its last try, and what it said in lines."""
    tries = list(message.attempts.all())
    text = json.dumps(message.body, indent=2, ensure_ascii=False)
    return {"message": message, "last": tries[-1] if tries else None, "text": text}
