"""Videos from outside: which may be extended, and which only look like one."""

from typing import Any

import pytest

from generations.media import intake
from generations.media.vault import vault
from generations.models import Upload
from tests.generations.odd_files import cut_off, lying_about_its_length, sound_only
from tests.generations.test_intake import refusal, take
from tests.world import World, picture, upload, video


def test_an_mp4_is_kept_as_it_is_and_measured(world: World):
    sent = video(2)
    kept = take(world.alice, sent, "video", "shot.mp4")
    with vault().open(kept.file) as file:
        assert file.read() == sent
    assert (kept.width, kept.height, kept.seconds, kept.content_type) == (1280, 720, 2.0, "video/mp4")


@pytest.mark.parametrize(("seconds", "fits"), [(8, True), (8.5, False)])
def test_eight_seconds_may_be_extended_and_more_may_not(seconds: float, fits: bool, world: World):
    sent = video(seconds, 1280, 720)
    if fits:
        assert take(world.alice, sent, "video").seconds == 8
    else:
        assert (
            refusal(world.alice, sent, "video")
            == "This clip is 8.5 s long; clips of up to 8 s can be extended."
        )


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1280, 960), (720, 720), (960, 720)])
def test_only_16_9_and_9_16_in_720p_and_1080p_can_be_extended(width: int, height: int, world: World):
    assert f"This clip is {width} × {height}" in refusal(world.alice, video(0.5, width, height), "video")


@pytest.mark.parametrize(("width", "height"), [(720, 1280), (1920, 1080)])
def test_tall_and_full_hd_clips_can_be_extended(width: int, height: int, world: World):
    assert take(world.alice, video(0.5, width, height), "video").height == height


def test_a_header_cannot_lie_a_long_clip_short(world: World):
    assert "12.0 s long" in refusal(world.alice, lying_about_its_length(), "video")


def test_an_mp4_without_a_picture_is_refused(world: World):
    assert refusal(world.alice, sound_only(), "video") == "There is no picture in this file."


def test_an_mp4_whose_end_is_missing_is_refused(world: World):
    assert refusal(world.alice, cut_off(), "video") == "This video is cut off: its end is missing."


@pytest.mark.parametrize(
    "content",
    [
        picture(64, 36),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"\x1aE\xdf\xa3" + bytes(60),  # Matroska
        b"\x00\x00\x00\x14ftypqt  " + bytes(60),
        b"\x00\x00\x00\x18ftypheic" + bytes(60),
        b"\x00\x00\x00\x18ftypavif" + bytes(60),
    ],
)
def test_what_is_no_mp4_is_refused_by_its_first_bytes(content: bytes, world: World):
    assert refusal(world.alice, content, "video", "clip.mp4") == "Only MP4 videos are accepted."


def test_an_outline_without_content_is_refused(world: World):
    hollow = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00\x00\x00\x08mdat"
    assert refusal(world.alice, hollow, "video") == "This is not an MP4 video that can be read."


def test_a_video_above_its_limit_is_refused_before_it_is_read(world: World, monkeypatch: Any):
    monkeypatch.setattr(intake, "MAX_VIDEO_BYTES", 1_000_000)
    assert (
        refusal(world.alice, video(0.5).ljust(1_000_001, b"\0"), "video") == "This file is larger than 1 MB."
    )


def test_uploads_of_the_workspace_are_visible_to_it_alone(world: World):
    kept = upload(world.alice)
    assert list(Upload.objects.visible_to(world.bob)) == [kept]
    assert not Upload.objects.visible_to(world.eve).exists()
