"""Collections: clips put together by the workspace, in no order but that of putting them in."""

import uuid

from django.db import models

from accounts.models import User, Workspace
from accounts.policy import Actor
from generations.models.generation import Generation


class CollectionQuerySet(models.QuerySet["Collection"]):
    """Selections of collections."""

    def visible_to(self, actor: Actor) -> "CollectionQuerySet":
        """The workspace's own."""
        return self.filter(workspace=actor.workspace)


class Collection(models.Model):
    """Shared in its workspace. A clip that is private to somebody shows up in it for them alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="collections")
    name = models.CharField(max_length=80)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    clips: "models.ManyToManyField[Generation, CollectionItem]" = models.ManyToManyField(
        Generation, through="CollectionItem", related_name="collections"
    )

    objects = CollectionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="collection_name")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CollectionItem(models.Model):
    """A clip in a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items")
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="+")
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "generation"], name="collected_once")]

    def __str__(self) -> str:
        return f"{self.generation_id} in {self.collection}"
