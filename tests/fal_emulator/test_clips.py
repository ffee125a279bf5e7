"""Clips are what was bought: real MP4 of the right size, length, rate and sound."""

import io
import time
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from PIL import Image

from fal_emulator import archive, clips, pictures
from fal_emulator.clips import Abandoned, Order, make

from .conftest import Fal, anyone

KLING = "/fal-ai/kling-video/v2.5-turbo/standard/image-to-video"
IMAGE = "/fal-ai/veo3.1/lite/image-to-video"
FRAMES = "/fal-ai/veo3.1/first-last-frame-to-video"


@dataclass(frozen=True)
class Probe:
    size: tuple[int, int]
    seconds: float
    sound: bool
    video: tuple[str, str | None, int]
    frames: int


def probe(content: bytes) -> Probe:
    with av.open(io.BytesIO(content), "r") as container:
        video = container.streams.video[0]
        assert container.duration is not None
        assert video.average_rate is not None
        for audio in container.streams.audio:
            assert (audio.codec_context.name, audio.codec_context.channels) == ("aac", 2)
            assert audio.duration is not None
            assert audio.time_base is not None
            assert abs(float(audio.duration * audio.time_base) - container.duration / 1e6) < 0.1
        frames = sum(1 for packet in container.demux(video) if packet.size)  # one frame each
        return Probe(
            (video.width, video.height),
            round(container.duration / av.time_base, 1),
            bool(container.streams.audio),
            (video.codec_context.name, video.pix_fmt, round(video.average_rate)),
            frames,
        )


def bought(fal: Fal, path: str, **values: object) -> Probe:
    url = fal.run("A cat on a wall", path, **values).json()["video"]["url"]
    return probe(anyone.get(url).content)


def uploaded(fal: Fal, width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(buffer, "png")
    return fal.upload(buffer.getvalue())


@pytest.mark.parametrize(("seconds", "audio"), [(4, True), (6, False), (8, True)])
def test_length_and_sound_are_as_bought(fal: Fal, seconds: int, audio: bool) -> None:
    found = bought(
        fal, "/fal-ai/veo3.1/fast", duration=f"{seconds}s", generate_audio=audio, resolution="720p"
    )
    assert found == Probe((1280, 720), float(seconds), audio, ("h264", "yuv420p", 24), 24 * seconds)


@pytest.mark.parametrize(
    ("resolution", "shape", "size"),
    [
        ("720p", "9:16", (720, 1280)),
        ("1080p", "9:16", (1080, 1920)),
        ("4k", "16:9", (3840, 2160)),
    ],
)
def test_the_picture_has_the_bought_size(
    fal: Fal, resolution: str, shape: str, size: tuple[int, int]
) -> None:
    found = bought(fal, "/fal-ai/veo3.1", resolution=resolution, aspect_ratio=shape, duration="4s")
    assert (found.size, found.frames) == (size, 96)


@pytest.mark.parametrize(("width", "height", "size"), [(300, 200, (1280, 720)), (200, 300, (720, 1280))])
def test_auto_follows_the_first_picture(fal: Fal, width: int, height: int, size: tuple[int, int]) -> None:
    assert bought(fal, IMAGE, image_url=uploaded(fal, width, height), duration="4s").size == size


def test_a_given_shape_wins_over_the_picture(fal: Fal) -> None:
    url = uploaded(fal, 200, 300)
    assert bought(fal, IMAGE, image_url=url, aspect_ratio="16:9", duration="4s").size == (1280, 720)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(320, 180, (1280, 720)), (180, 320, (720, 1280)), (200, 200, (960, 960))],
)
def test_kling_has_no_sound_and_follows_its_picture(
    fal: Fal, width: int, height: int, size: tuple[int, int]
) -> None:
    found = bought(fal, KLING, image_url=uploaded(fal, width, height), duration="5")
    assert (found.size, found.seconds, found.sound) == (size, 5.0, False)


def test_extending_returns_the_whole_video(fal: Fal) -> None:
    first = fal.run("A cat", aspect_ratio="9:16").json()["video"]["url"]
    found = bought(fal, "/fal-ai/veo3.1/fast/extend-video", video_url=first)
    assert (found.size, found.seconds, found.sound) == ((720, 1280), 11.0, True)


def test_the_index_comes_first_so_that_playing_starts_at_once(fal: Fal) -> None:
    content = anyone.get(fal.run("A cat").json()["video"]["url"]).content
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_callers_pictures_are_in_the_clip(fal: Fal) -> None:
    red, blue = (Image.new("RGB", (320, 180), colour) for colour in ((200, 20, 20), (20, 20, 200)))
    urls = []
    for picture in (red, blue):
        buffer = io.BytesIO()
        picture.save(buffer, "png")
        urls.append(fal.upload(buffer.getvalue()))
    answer = fal.run("Melt", FRAMES, first_frame_url=urls[0], last_frame_url=urls[1], duration="4s")
    with av.open(io.BytesIO(anyone.get(answer.json()["video"]["url"]).content), "r") as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    first, last = frames[0].getpixel((640, 200)), frames[-1].getpixel((640, 200))
    assert first[0] > 100 > first[2]
    assert last[2] > 100 > last[0]


def order(seed: int = 1, **values: object) -> Order:
    words = pictures.Words("A cat on a wall", "fal-ai/veo3.1", (f"seed {seed}",))
    usual = {"width": 640, "height": 360, "seconds": 2.0, "audio": True, "key": str(seed)}
    return Order(**{**usual, "words": words, **values})  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(tmp_path: Path) -> None:
    stills = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make(order(seed), tmp_path / f"{name}.mp4", lambda: False)
        stills.append((tmp_path / f"{name}.mp4").read_bytes())
    assert stills[0] == stills[1]
    assert stills[0] != stills[2]


def test_a_clip_that_was_made_lately_is_delivered_from_memory(tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    archive.deliver(order(3), first, lambda: False)
    started = time.process_time()
    assert archive.deliver(order(3), second, lambda: True) == first.stat().st_size
    assert time.process_time() - started < 0.1
    assert second.read_bytes() == first.read_bytes()


def test_the_picture_moves(tmp_path: Path) -> None:
    make(order(), tmp_path / "clip.mp4", lambda: False)
    with av.open(str(tmp_path / "clip.mp4"), "r") as container:
        shown = {frame.to_image().tobytes() for frame in container.decode(video=0)}
    assert len(shown) >= 2 * 4


def test_an_unwanted_clip_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Abandoned):
        make(order(), tmp_path / "clip.mp4", lambda: True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("prompt", ["", "word " * 600, "x" * 900, "猫 在 墙上 🐈", "line\nbreak\ttab"])
def test_any_prompt_can_be_written(tmp_path: Path, prompt: str) -> None:
    words = pictures.Words(prompt, "fal-ai/veo3.1", ("seed 1",))
    assert make(order(words=words, seconds=0.5), tmp_path / "clip.mp4", lambda: False) > 1000


def test_clips_are_cheap_to_make(tmp_path: Path) -> None:
    make(order(seconds=0.5), tmp_path / "warm.mp4", lambda: False)  # the first one works out the sound
    started = time.process_time()
    make(order(width=1280, height=720, seconds=8.0), tmp_path / "clip.mp4", lambda: False)
    assert time.process_time() - started < 2.0  # about 0.4 s; room for a slow or busy machine


def test_few_pictures_are_distinct() -> None:
    assert clips.RATE / order(width=1280, height=720).hold <= 8
    assert clips.RATE / order(width=3840, height=2160).hold <= 2
