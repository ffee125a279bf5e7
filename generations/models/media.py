"""Files we keep: what people send in (uploads) and what came back (clips)."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import User, Workspace
from accounts.policy import Actor
from generations.models.state import Visibility


class UploadQuerySet(models.QuerySet["Upload"]):
    """Selections of uploads."""

    def visible_to(self, actor: Actor) -> "UploadQuerySet":
        """The workspace's own, less the inputs that are a colleague's private clip themselves.

        Other files are the workspace's whoever sent them, also for a private clip: two people who send the
        same file share its row. No page lists them; their ids are as hard to guess as a key.
        """
        private = Q(clip__generation__visibility=Visibility.PRIVATE)
        own = Q(clip=None) | ~private | Q(clip__generation__author=actor.user)
        return self.filter(own, workspace=actor.workspace)


class Upload(models.Model):
    """An input file, already checked, normalised and stripped of metadata; or a clip used as input.

    `file` is a key in the private storage. Pictures are re-encoded, so `source_sha256` (of the bytes
    that were sent) is what makes the same file sent twice one row.
    """

    class Kind(models.TextChoices):
        IMAGE = "image"
        VIDEO = "video"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="uploads")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    name = models.CharField(max_length=200)
    file = models.CharField(max_length=200)
    content_type = models.CharField(max_length=40)
    source_sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seconds = models.FloatField(null=True, blank=True)
    clip = models.ForeignKey("generations.Clip", null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind", "source_sha256"], name="upload_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Clip(models.Model):
    """A finished video in our own storage, with what a probe of the file itself found."""

    file = models.CharField(max_length=200)
    poster = models.CharField(max_length=200)
    content_type = models.CharField(max_length=40, default="video/mp4")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seconds = models.FloatField()
    has_audio = models.BooleanField()
    # What differs from what was bought, in words for people; empty when all is as ordered.
    differences = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.width}×{self.height}, {self.seconds:.1f} s"
