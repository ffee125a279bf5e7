"""What a colleague and a viewer may do with a clip, and which bytes a player gets.

Every address as every caller by every method is in `tests/separation/`.
"""

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Budget
from generations.models import Clip, Generation, Upload
from tests.clips import finished
from tests.world import World


@pytest.fixture
def clip(world: World) -> Generation:
    """Alice's."""
    return finished(world)


def snapshot() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Generation, Upload, Clip, Budget)]


def at(name: str, generation: Generation) -> str:
    return reverse(f"generations:{name}", args=[generation.pk])


@pytest.mark.parametrize("name", ["cancel", "delete"])
def test_a_viewer_sees_and_changes_nothing(clip: Generation, client_of: Any, name: str) -> None:
    before = snapshot()
    vera = client_of("vera")
    assert vera.get(at("detail", clip)).status_code == 200
    assert vera.post(at(name, clip)).status_code == 403
    assert vera.get(reverse("generations:create")).status_code == 403
    assert snapshot() == before


def test_a_colleague_sees_but_does_not_delete_what_is_not_theirs(clip: Generation, client_of: Any) -> None:
    bob = client_of("bob")
    assert bob.get(at("detail", clip)).status_code == 200
    assert bob.get(at("clip", clip)).getvalue() == b"0123456789"
    assert bob.post(at("delete", clip)).status_code == 403


def test_removal_from_a_workspace_works_on_the_next_request(
    clip: Generation, client_of: Any, world: World
) -> None:
    bob = client_of("bob")
    assert bob.get(at("clip", clip)).getvalue() == b"0123456789"
    world.bob.user.memberships.all().delete()
    assert bob.get(at("clip", clip)).status_code == 403
    assert bob.get(reverse("generations:gallery")).status_code == 403


RANGES = {
    "": (200, b"0123456789", None),
    "bytes=0-3": (206, b"0123", "bytes 0-3/10"),
    "bytes=4-": (206, b"456789", "bytes 4-9/10"),
    "bytes=-2": (206, b"89", "bytes 8-9/10"),
    "bytes=8-99": (206, b"89", "bytes 8-9/10"),
    "bytes=10-": (416, b"", "bytes */10"),
    "bytes=5-2": (200, b"0123456789", None),
    "bytes=0-1,3-4": (200, b"0123456789", None),
    "lines=0-1": (200, b"0123456789", None),
    "bytes=-": (200, b"0123456789", None),
}


@pytest.mark.parametrize("asked", RANGES)
def test_a_player_gets_the_bytes_it_asked_for(clip: Generation, client_of: Any, asked: str) -> None:
    status, content, header = RANGES[asked]
    response = client_of("alice").get(at("clip", clip), headers={"Range": asked} if asked else {})
    assert response.status_code == status
    assert response.getvalue() == content
    assert response.get("Content-Range") == header
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "private" in response["Cache-Control"]
