"""What people, and we ourselves, do to an endpoint: each act with its line in the audit trail."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Notification, Role, WebhookEndpoint, WebhookMessage
from accounts.models.webhooks import new_secret
from accounts.policy import Action, Actor

BOTH_SECRETS = timedelta(hours=24)


def add(actor: Actor, url: str, events: Sequence[str]) -> WebhookEndpoint:
    """A new endpoint with a secret of its own."""
    endpoint = WebhookEndpoint(workspace=actor.workspace, url=url, events=list(events), created_by=actor.user)
    with transaction.atomic():
        endpoint.save()
        _audit("webhook.added", endpoint, actor, after={"url": shown(url), "events": list(events)})
    return endpoint


def change(actor: Actor, endpoint: WebhookEndpoint, url: str, events: Sequence[str]) -> bool:
    """Another address, or other types of events. What waits goes to the new address."""
    before = {"url": shown(endpoint.url), "events": endpoint.events}
    after = {"url": shown(url), "events": list(events)}
    same = WebhookEndpoint.objects.filter(pk=endpoint.pk, url=endpoint.url, deleted_at=None)
    with transaction.atomic():
        if not same.update(url=url, events=list(events), failing_since=None, quiet_until=None):
            return False
        _audit("webhook.changed", endpoint, actor, before=before, after=after)
    return True


def enable(actor: Actor, endpoint: WebhookEndpoint) -> bool:
    """Tell it things again, from now on; what was given up meanwhile is replayed by hand."""
    off = WebhookEndpoint.objects.filter(pk=endpoint.pk, deleted_at=None, disabled_at__isnull=False)
    with transaction.atomic():
        if not off.update(disabled_at=None, failing_since=None, quiet_until=None):
            return False
        _audit("webhook.enabled", endpoint, actor)
    return True


def disable(endpoint: WebhookEndpoint, actor: Actor | None = None, *, why: str = "") -> bool:
    """Tell it nothing more, and give up what waits. Without an actor we do it ourselves, and say so."""
    with transaction.atomic():
        live = WebhookEndpoint.objects.live().filter(pk=endpoint.pk)
        if not live.update(disabled_at=timezone.now()):
            return False
        _give_up(endpoint)
        _audit("webhook.disabled", endpoint, actor, **({"why": why} if why else {}))
        if actor is None:
            _notify(endpoint, why)
    return True


def rotate(actor: Actor, endpoint: WebhookEndpoint) -> bool:
    """A new secret. For a day both sign, so that no message is refused while the other program follows."""
    with transaction.atomic():
        mine = WebhookEndpoint.objects.filter(pk=endpoint.pk, secret=endpoint.secret, deleted_at=None)
        until = timezone.now() + BOTH_SECRETS
        if not mine.update(secret=new_secret(), old_secret=endpoint.secret, old_secret_until=until):
            return False
        _audit("webhook.rotated", endpoint, actor)
    return True


def delete(actor: Actor, endpoint: WebhookEndpoint) -> bool:
    """For good: its secrets are forgotten, its log goes with age."""
    moment = timezone.now()
    with transaction.atomic():
        there = WebhookEndpoint.objects.filter(pk=endpoint.pk, deleted_at=None)
        if not there.update(deleted_at=moment, secret=new_secret(), old_secret="", old_secret_until=None):
            return False
        _give_up(endpoint)
        _audit("webhook.deleted", endpoint, actor, before={"url": shown(endpoint.url)})
    return True


def note_look(actor: Actor, endpoint: WebhookEndpoint) -> None:
    """Whoever has seen the secret can sign as we do."""
    _audit("webhook.secret_shown", endpoint, actor)


def shown(url: str) -> str:
    """An address without its query: that is where people put tokens."""
    return url.partition("?")[0].partition("#")[0]


def _give_up(endpoint: WebhookEndpoint) -> None:
    WebhookMessage.objects.filter(endpoint=endpoint, wake_at__isnull=False).update(wake_at=None)


def _audit(verb: str, endpoint: WebhookEndpoint, actor: Actor | None, **more: Any) -> None:
    person, capacity = (actor.user, actor.capacity) if actor else (None, "")
    AuditEvent.of(verb, endpoint, actor=person, acting_as=capacity, **more).save()


def _notify(endpoint: WebhookEndpoint, why: str) -> None:
    """Its maker, if they may still do something about it, or else the owners."""
    here = Membership.objects.active().filter(workspace=endpoint.workspace_id)
    maker = here.filter(user=endpoint.created_by_id).select_related("user", "workspace").first()
    able = maker is not None and Actor.of(maker).may(Action.MANAGE_WEBHOOKS)
    owners = here.filter(role=Role.OWNER).values_list("user", flat=True)
    text = f"The webhook to {shown(endpoint.url)[:120]} was switched off: {why}."
    Notification.objects.bulk_create(
        Notification(
            user_id=user,
            workspace_id=endpoint.workspace_id,
            text=text,
            address=f"/team/webhooks/{endpoint.pk}/",
        )
        for user in ([endpoint.created_by_id] if able else owners)
    )
