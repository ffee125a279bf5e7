"""Collections: making, naming and ending them, putting clips in and taking them out."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from accounts.models import AuditEvent
from accounts.policy import Actor
from generations.models import Collection, CollectionItem, Generation


class NameTaken(Exception):
    """The workspace has a collection of this name."""


class Gone(Exception):
    """Somebody deleted the collection, or renamed it, a moment ago."""


def create(actor: Actor, name: str) -> Collection:
    """A new one, empty. Raises NameTaken."""
    made = Collection(workspace=actor.workspace, author=actor.user, name=name)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _event("collection.created", actor, made, after={"name": name}).save()
    except IntegrityError as error:
        raise NameTaken from error
    return made


def rename(actor: Actor, collection: Collection, name: str) -> None:
    """Compare-and-set from the name it was read with. Raises NameTaken, Gone."""
    before = collection.name
    same = Collection.objects.visible_to(actor).filter(pk=collection.pk, name=before)
    try:
        with transaction.atomic():
            if not same.update(name=name):
                raise Gone
            _event(
                "collection.renamed", actor, collection, before={"name": before}, after={"name": name}
            ).save()
    except IntegrityError as error:
        raise NameTaken from error
    collection.name = name


def delete(actor: Actor, collection: Collection) -> bool:
    """It and nothing else: its clips stay. False when somebody was faster."""
    with transaction.atomic():
        event = _event("collection.deleted", actor, collection, before={"name": collection.name})
        gone, _ = Collection.objects.visible_to(actor).filter(pk=collection.pk).delete()
        if gone:
            event.save()
    return bool(gone)


def put_in(actor: Actor, collection: Collection, clips: Iterable[Generation]) -> int:
    """What is in it already stays as it is. How many are new in it. Raises Gone."""
    keys = [each.pk for each in clips]
    present = CollectionItem.objects.filter(collection=collection, generation__in=keys)
    try:
        with transaction.atomic():
            known = set(present.values_list("generation", flat=True))
            CollectionItem.objects.bulk_create(
                (
                    CollectionItem(collection=collection, generation_id=key, added_by=actor.user)
                    for key in keys
                    if key not in known
                ),
                ignore_conflicts=True,  # two people may put the same clip in at once
            )
    except IntegrityError as error:
        raise Gone from error
    return len(set(keys) - known)


def take_out(collection: Collection, clips: Iterable[Generation]) -> int:
    """How many are not in it any more. The clips themselves stay."""
    gone, _ = CollectionItem.objects.filter(collection=collection, generation__in=list(clips)).delete()
    return gone


def _event(
    verb: str,
    actor: Actor,
    collection: Collection,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> AuditEvent:
    return AuditEvent.of(
        verb, collection, actor=actor.user, acting_as=actor.capacity, before=before, after=after
    )
