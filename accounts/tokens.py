"""Making and revoking API tokens, and forgetting old answers to them."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import budgets
from accounts.models import ApiAnswer, ApiToken, AuditEvent, Budget, Scope, User, Workspace
from accounts.policy import Actor

ANSWERS_KEPT = timedelta(days=7)
MOST_FORGOTTEN = 1000


def make(
    actor: Actor,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
    monthly: int | None = None,
    key: uuid.UUID | None = None,
) -> tuple[ApiToken, str]:
    """A token that acts as `actor`, and its secret, which is not kept. Who may was decided before.

    `monthly`: credits a month at most. IntegrityError when there is a token with this `key` already.
    """
    token, secret = draw(actor.user, actor.workspace, name, scopes, expires_at=expires_at, key=key)
    with transaction.atomic():
        token.save(force_insert=True)
        if monthly is not None:
            budgets.set_budget(actor, Budget(token=token, most=monthly))
        _made(token, actor.user, actor.capacity, monthly)
    return token, secret


def make_as_operator(user: User, workspace: Workspace, name: str) -> str:
    """The secret of a token of every scope, for a member; by the command."""
    token, secret = draw(user, workspace, name, Scope.values)
    with transaction.atomic():
        token.save(force_insert=True)
        _made(token, None, "operator", None)
    return secret


def draw(
    user: User,
    workspace: Workspace,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
    key: uuid.UUID | None = None,
) -> tuple[ApiToken, str]:
    """An unsaved token with its scopes in one order."""
    wanted = set(scopes)
    return ApiToken.draw(
        id=key or uuid.uuid4(),
        workspace=workspace,
        user=user,
        name=name,
        scopes=[each for each in Scope.values if each in wanted],
        expires_at=expires_at,
    )


def revoke(actor: Actor, token: ApiToken) -> bool:
    """End it for good, from the next request on; False when it was revoked before."""
    with transaction.atomic():
        live = ApiToken.objects.filter(pk=token.pk, workspace=actor.workspace, revoked_at=None)
        if not live.update(revoked_at=timezone.now()):
            return False
        AuditEvent.of(
            "token.revoked",
            token,
            actor=actor.user,
            acting_as=actor.capacity,
            before={"name": token.name, "prefix": token.prefix},
        ).save()
    return True


def forget_old_answers() -> int:
    """Drop some of the answers that nobody repeats a question for any more; how many."""
    old = ApiAnswer.objects.filter(created_at__lt=timezone.now() - ANSWERS_KEPT).order_by("created_at")
    return ApiAnswer.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:MOST_FORGOTTEN])).delete()[
        0
    ]


def _made(token: ApiToken, actor: User | None, acting_as: str, monthly: int | None) -> None:
    after = {
        "name": token.name,
        "prefix": token.prefix,
        "scopes": token.scopes,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "monthly": monthly,
        "for": token.user.email,
    }
    AuditEvent.of("token.created", token, actor=actor, acting_as=acting_as, after=after).save()
