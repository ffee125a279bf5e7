"""A file that came in pieces: the host says that they belong together, the file must say so, too."""

from pathlib import Path

import pytest

from fal_emulator import small_clips
from generations.media import sandbox
from tests.world import video

SMALL, LARGE = "small, with a box of its own at the end", "large, with its index at the end"


@pytest.fixture(scope="module", params=[SMALL, LARGE])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if request.param == LARGE:
        return video(4)
    path = tmp_path_factory.mktemp("clips") / "small.mp4"
    small_clips.make(small_clips.WIDE, 96, True, path)
    return path.read_bytes() + small_clips.box(b"request-1")


def look(content: bytes, folder: Path, *more: str) -> dict[str, object]:
    path = folder / "clip.mp4"
    path.write_bytes(content)
    asked = [str(path), str(folder / "poster.webp"), *more]
    return sandbox.run("generations.media.video", *asked, memory_mib=2048, cpu_seconds=30)


def spoilt(content: bytes, share: float) -> bytes:
    """From there on not what it was, in the same length."""
    cut = int(len(content) * share)
    return content[:cut] + bytes(byte ^ 0x5A for byte in content[cut:])


def test_one_whose_parts_belong_together_is_taken(clip: bytes, tmp_path: Path) -> None:
    assert look(clip, tmp_path, "joined") == look(clip, tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8, 0.95])
def test_one_whose_rest_is_of_something_else_is_not(clip: bytes, tmp_path: Path, share: float) -> None:
    with pytest.raises(sandbox.Rejected):
        look(spoilt(clip, share), tmp_path, "joined")


def test_a_few_bytes_that_a_studio_left_behind_the_end_are_nobodys_harm(clip: bytes, tmp_path: Path) -> None:
    assert look(clip + b"\0\0", tmp_path) == look(clip, tmp_path)
