"""Who sees a clip: only its author, the workspace, or anyone who has the link to it."""

import base64
import binascii
import uuid

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.middleware import ADDRESS
from accounts.models import AuditEvent, Membership, User
from accounts.policy import Action, Actor
from generations.models import Generation, State, Visibility
from generations.parking import hide

SALT = "share"
# Not a colon: some programs end a pasted address there.
SEPARATOR = "."
IDS = 32  # bytes: two UUIDs


class NotAllowed(Exception):
    """The actor may not choose this for this clip."""


def choices(actor: Actor, generation: Generation) -> list[Visibility]:
    """What the actor may choose for it now.

    A lead can only take a colleague's clip off its link, and so can its author who may not share any more.
    """
    mine = generation.author_id == actor.user.pk
    if not (mine and actor.may(Action.SHARE)):
        ends = generation.visibility == Visibility.LINK and (mine or actor.may(Action.DELETE_ANY))
        return [Visibility.WORKSPACE] if ends else []
    # Whoever decides about its budget has to see it, and there is nothing to send before there is a clip.
    unfit = {
        Visibility.PRIVATE: generation.state == State.AWAITING,
        Visibility.LINK: generation.state != State.SUCCEEDED,
    }
    return [each for each in Visibility if not unfit.get(each, False)]


def set_visibility(
    actor: Actor, generation: Generation, visibility: Visibility, *, anew: bool = False
) -> bool:
    """Compare-and-set from what this object was read with; False when it is not so any more.

    A link has a new key each time: what was given out before is dead. What is shared already stays at its
    address unless it shall be shared `anew`. Raises NotAllowed.
    """
    if visibility not in choices(actor, generation):
        raise NotAllowed
    before, key = generation.visibility, uuid.uuid4() if visibility == Visibility.LINK else None
    if before == visibility and not (anew and key):
        return True
    seen = Generation.objects.visible_to(actor).filter(pk=generation.pk, visibility=before)
    same = seen.filter(link_key=generation.link_key)
    if visibility == Visibility.PRIVATE:
        same = same.exclude(state=State.AWAITING)
    with transaction.atomic():
        if visibility == Visibility.PRIVATE and not _stays(actor):
            return False
        if not same.update(visibility=visibility, link_key=key):
            return False
        _event(actor, generation, visibility).save()
        if visibility == Visibility.PRIVATE:
            hide(generation)
    generation.visibility, generation.link_key = visibility, key
    return True


def _stays(actor: Actor) -> bool:
    """Whether they are still a member, who stays one until this is written.

    Otherwise a clip could become private between `pass_on` and the end of its author's membership, and would
    be nobody's for ever. On SQLite writing transactions take turns.
    """
    mine = Membership.objects.filter(user=actor.user, workspace=actor.workspace, suspended_at=None)
    return mine.select_for_update(no_key=True).first() is not None


def _event(actor: Actor, generation: Generation, after: Visibility) -> AuditEvent:
    """Without the key: owners read the trail, and the address is its author's to give."""
    return AuditEvent.of(
        "generation.visibility",
        generation,
        actor=actor.user,
        acting_as=actor.capacity,
        before={"visibility": str(generation.visibility)},
        after={"visibility": str(after)},
    )


def pass_on(actor: Actor, author: User) -> int:
    """Who left leaves their clips behind: what was private becomes the workspace's. How many.

    Needs the transaction that ends the membership. Nobody else could see them ever again.
    """
    private = Generation.objects.filter(
        workspace=actor.workspace, author=author, visibility=Visibility.PRIVATE
    )
    if clips := private.update(visibility=Visibility.WORKSPACE):
        AuditEvent.of(
            "generation.handed_over",
            actor.workspace,
            actor=actor.user,
            acting_as=actor.capacity,
            before={"visibility": Visibility.PRIVATE},
            after={"visibility": Visibility.WORKSPACE},
            author=author.email,
            clips=clips,
        ).save()
    return clips


def address_of(generation: Generation) -> str:
    """Where anyone may see it, in full; empty when it is not shared by link."""
    if generation.link_key is None:
        return ""
    word = _signer().sign(_text(generation.pk.bytes + generation.link_key.bytes))
    # The workspace in front of a page's own links is nothing for strangers.
    path = ADDRESS.sub("", reverse("generations:shared", args=[word]), count=1)
    return f"{settings.PUBLIC_URL}{path}"


def shared_by(word: str) -> Generation | None:
    """The clip that this word of an address shares at this moment."""
    try:
        known = _bytes(_signer().unsign(word))
    except (signing.BadSignature, binascii.Error, ValueError):
        return None
    if len(known) != IDS:
        return None
    shared = Generation.objects.filter(
        visibility=Visibility.LINK, deleted_at=None, clip__isnull=False, workspace__closed_at=None
    )
    pk, key = uuid.UUID(bytes=known[:16]), uuid.UUID(bytes=known[16:])
    return shared.filter(pk=pk, link_key=key).select_related("clip").first()


def _signer() -> signing.Signer:
    return signing.Signer(salt=SALT, sep=SEPARATOR)


def _text(known: bytes) -> str:
    return base64.urlsafe_b64encode(known).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
