"""Who asks: `Authorization: Bearer dl_…`, looked up by its digest in one query."""

from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from accounts.models import ApiToken, Membership, Role
from accounts.models.tokens import digest_of
from accounts.policy import SCOPES, Action, Actor
from accounts.second_factor import needs_second_factor
from generations.api import rates
from generations.api.problems import Problem

LONGEST = 200
# `last_used_at` is for people: nobody needs it to the second, and each write costs.
USED_EVERY = timedelta(minutes=1)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Dailies"'}


class Bearer(HttpBearer):
    """Lets live tokens of active members in."""

    def __call__(self, request: HttpRequest) -> Actor:
        """The actor, counted against the token's rate. Raises Problem."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        return self.authenticate(request, secret.strip() if scheme.lower() == "bearer" else "")

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        """Whatever is wrong with a token, it is looked for all the same, and the answer is one."""
        actor = actor_of(token)
        named = getattr(request, "workspace_in_address", None)
        if actor is None or named not in (None, actor.workspace.pk):
            rates.take_for_stranger(request)
            raise Problem("unauthorized", headers=CHALLENGE)
        assert actor.token
        rates.take(request, str(actor.token.pk))
        if needs_second_factor(actor.user, actor.workspace):
            raise Problem("second-factor")
        _note_use(actor.token)
        # What is made for people's requests, as the limit of uploads, sees a person here as well.
        request.user, request.actor = actor.user, actor  # type: ignore[attr-defined]  # ours
        return actor


def actor_of(secret: str) -> Actor | None:
    """The member that a live token stands for, in its workspace; None for anything else. One query."""
    moment = timezone.now()
    member = Membership.objects.active().filter(user=OuterRef("user"), workspace=OuterRef("workspace"))
    found = (
        ApiToken.objects.filter(digest=digest_of(secret[:LONGEST]))
        .select_related("user", "workspace__wallet")
        .annotate(role=Subquery(member.values("role")[:1]))
        .first()
    )
    role: Any = getattr(found, "role", None)
    if found is None or role is None or not found.is_live(moment):
        return None
    return Actor(found.user, found.workspace, Role(role), found)


def need(actor: Actor, action: Action) -> None:
    """Raises Problem unless the policy table and the token's scopes allow it."""
    if actor.may(action):
        return
    wanted = [scope.value for scope, actions in SCOPES.items() if action in actions]
    assert actor.token
    if not set(wanted) & set(actor.token.scopes):
        raise Problem("forbidden", f"This token lacks the scope {' or '.join(wanted)}.")
    raise Problem("forbidden", f"The role {actor.role.label} in {actor.workspace} does not allow it.")


def _note_use(token: ApiToken) -> None:
    """One of several requests at the same moment writes it down."""
    moment = timezone.now()
    if token.last_used_at is None or token.last_used_at < moment - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=moment - USED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=moment)
