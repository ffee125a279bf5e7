"""A fal on a string, for tests that need one misbehaviour at one moment."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import django_rq
import pytest

from accounts.models import Membership, Role, User
from accounts.policy import Actor
from generations import doorbell
from tests.fal.hosting import Host
from tests.fal.hosting import serving as hosting
from tests.generations.puppet import Puppet, serving
from tests.world import World, video

CLIP = video(8, 320, 180)


@pytest.fixture
def own_folders(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of other tests is in the vault or in scratch."""
    settings.MEDIA_ROOT = tmp_path / "media"
    local = {"BACKEND": "generations.media.vault.LocalVault", "OPTIONS": {"location": settings.MEDIA_ROOT}}
    settings.STORAGES = {**settings.STORAGES, "default": local}
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def puppet(settings: Any) -> Iterator[Puppet]:
    with serving() as made:
        settings.FAL_QUEUE_URL = settings.FAL_REST_URL = made.url
        settings.FAL_MEDIA_HOSTS = [made.url.removeprefix("http://")]
        yield made


@pytest.fixture
def lasting(transactional_db: None) -> World:
    """The usual people, in committed rows: the motor refuses to speak to fal inside a transaction."""
    for name in (doorbell.DRIVE, doorbell.MEDIA):
        django_rq.get_queue(name).empty()
    return World.make()


@pytest.fixture
def host(puppet: Puppet, settings: Any) -> Iterator[Host]:
    """Where fal says that the clip is."""
    with hosting(Host(content=CLIP)) as made:
        settings.FAL_MEDIA_HOSTS = [*settings.FAL_MEDIA_HOSTS, made.url.removeprefix("http://")]
        puppet.script["result"] = [(200, {"video": {"url": f"{made.url}/x.mp4"}})]
        yield made


@pytest.fixture
def owen(world: World) -> Actor:
    """An owner besides: Alice, who makes the clips here, is only a creator."""
    world.alice.user.memberships.update(role=Role.CREATOR)
    world.alice = replace(world.alice, role=Role.CREATOR)
    user = User.objects.create_user("owen@example.com", "x", first_name="Owen")
    membership = Membership.objects.create(user=user, workspace=world.alice.workspace, role=Role.OWNER)
    world.owen = Actor.of(membership)  # type: ignore[attr-defined]  # for `client_of`
    return world.owen  # type: ignore[attr-defined, no-any-return]
