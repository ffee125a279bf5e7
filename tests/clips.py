"""Generations that went a long way, walked there by the product's own verbs, without fal."""

import uuid
from typing import Any

from django.core.files.base import ContentFile

from accounts.policy import Actor
from generations import orders
from generations.media.vault import new_key, vault
from generations.models import Attempt, Clip, Generation, State
from tests.world import World, order


def finished(world: World, who: Actor | None = None, **values: Any) -> Generation:
    """A succeeded generation with files, without fal."""
    author = who or world.alice
    generation = storing(orders.place(author, order(author, **values))[0])
    keys = [
        vault().save(new_key("clips", generation.workspace_id, ".mp4"), ContentFile(b"0123456789"))
        for _ in "cp"
    ]
    clip = Clip.objects.create(
        file=keys[0], poster=keys[1], sha256="0" * 64, size=10,
        width=1280, height=720, seconds=8.0, has_audio=True,
    )  # fmt: skip
    assert generation.finish(State.SUCCEEDED, cause="test", clip=clip)
    return generation


def storing(generation: Generation) -> Generation:
    """Walk a queued generation to where its file is about to be fetched, without fal."""
    generation.claim(State.SUBMITTING, seconds=60, cause="test")
    Attempt.objects.create(
        generation=generation,
        number=1,
        token_hash=uuid.uuid4().hex,
        state="accepted",
        request_id=str(uuid.uuid4()),
        sent_at=generation.created_at,
    )
    generation.move(State.SUBMITTED, cause="test", wake_at=generation.created_at)
    generation.move(State.STORING, cause="test", wake_at=generation.created_at)
    return generation
