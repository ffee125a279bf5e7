"""Files from outside: what is taken, what it becomes, and what is refused before it can do harm."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms, PngImagePlugin

from accounts.policy import Actor
from generations.media import intake, sandbox
from generations.media.picture import KEPT_SIDE, MAX_BYTES, TOO_LARGE, UNREADABLE
from generations.media.vault import vault
from generations.models import Upload
from tests.disk import full_after
from tests.generations.odd_files import (
    bomb_jpeg,
    bomb_png,
    bomb_webp,
    damaged_pictures,
    encoded,
    not_pictures,
    odd_pictures,
    quadrants,
)
from tests.world import World, picture

ROOT = Path(__file__).parents[2]
FORTY_MEGAPIXELS = (8000, 5000)


def take(who: Actor, content: bytes, kind: str = "image", name: str = "shot.png") -> Upload:
    return intake.receive(SimpleUploadedFile(name, content), Upload.Kind(kind), who)


def refusal(who: Actor, content: bytes, kind: str = "image", name: str = "shot.png") -> str:
    with pytest.raises(ValidationError) as refused:
        take(who, content, kind, name)
    assert not Upload.objects.exists()
    return " ".join(refused.value.messages)


def stored(kept: Upload) -> tuple[bytes, Image.Image]:
    with vault().open(kept.file) as file:
        content = file.read()
    return content, Image.open(io.BytesIO(content))


def corner_colors(image: Image.Image) -> list[tuple[int, ...]]:
    wide, tall = image.width - 5, image.height - 5
    spots = [(4, 4), (wide, 4), (4, tall), (wide, tall)]
    return [tuple(round(band / 255) for band in image.getpixel(spot)) for spot in spots]  # type: ignore[union-attr]


# ── Pictures that are taken ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_stored_anew_as_a_jpeg(kind: str, world: World):
    kept = take(world.alice, encoded(Image.new("RGB", (1280, 720), "teal"), kind))
    content, image = stored(kept)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1280, 720))
    assert (kept.width, kept.height, kept.size, kept.content_type) == (1280, 720, len(content), "image/jpeg")
    assert kept.file.startswith(f"uploads/{world.alice.workspace.pk}/")
    assert kept.file.endswith(".jpg")


def test_the_same_bytes_are_one_row_in_a_workspace_and_another_in_the_next(world: World):
    first, again, theirs = (
        take(world.alice, picture()),
        take(world.bob, picture()),
        take(world.eve, picture()),
    )
    assert first == again != theirs
    assert Upload.objects.count() == 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_upright_and_says_nothing_of_where_it_was_taken(orientation: int, world: World):
    turns = (None, None, 0, 3, 1, 5, 2, 6, 4)  # the inverse of each orientation, as Pillow's transposes
    turn = turns[orientation]
    shown = quadrants() if turn is None else quadrants().transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Secretcam"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    taken = encoded(shown, "JPEG", exif=exif, comment=b"secret comment", quality=95, subsampling=0)
    assert b"Secretcam" in taken
    content, image = stored(take(world.alice, taken))
    assert image.size == (160, 90)
    assert corner_colors(image) == [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]
    assert not image.getexif()
    assert not any(
        word in content for word in (b"Exif", b"GPS", b"Secretcam", b"secret comment", b"xmp", b"ICC_")
    )


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_orientation_counts_in_png_and_webp_too(kind: str, world: World):
    exif = Image.Exif()
    exif[0x0112] = 6
    kept = take(world.alice, encoded(Image.new("RGB", (160, 90)), kind, exif=exif))
    assert (kept.width, kept.height) == (90, 160)


def test_texts_inside_a_png_are_gone(world: World):
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "Secret Person")
    told.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>Secret Person</x:xmpmeta>")
    content, _ = stored(take(world.alice, encoded(quadrants(), "PNG", pnginfo=told)))
    assert b"Secret Person" not in content


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "GIF"])
def test_of_an_animation_the_first_picture_is_kept_and_a_gif_is_none_of_ours(kind: str, world: World):
    first, second = Image.new("RGB", (64, 36), "red"), Image.new("RGB", (64, 36), "blue")
    moving = encoded(first, kind, save_all=True, append_images=[second], duration=100, lossless=True)
    if kind == "GIF":
        assert "Only JPEG, PNG and WebP" in refusal(world.alice, moving)
        return
    _, image = stored(take(world.alice, moving))
    assert corner_colors(image) == [(1, 0, 0)] * 4


@pytest.mark.parametrize("model", odd_pictures())
def test_every_colour_model_becomes_the_same_grey(model: str, world: World):
    _, image = stored(take(world.alice, odd_pictures()[model]))
    assert all(abs(band - 128) <= 4 for band in image.getpixel((30, 18)))  # type: ignore[union-attr]


def test_what_is_see_through_becomes_white(world: World):
    palette = Image.new("P", (64, 36), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    _, image = stored(take(world.alice, encoded(palette, "PNG", transparency=1)))
    assert corner_colors(image) == [(1, 1, 1)] * 4


def test_colours_of_a_wide_profile_are_brought_to_srgb_before_the_profile_goes(world: World):
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    for profile in (srgb.tobytes(), linear.tobytes(), b"no profile at all"):
        content, image = stored(take(world.alice, encoded(quadrants(), "PNG", icc_profile=profile)))
        assert "icc_profile" not in image.info
        assert corner_colors(image)[0] == (1, 0, 0)
        assert b"ICC_PROFILE" not in content
        Upload.objects.all().delete()


def test_a_file_that_is_a_picture_and_a_page_at_once_is_only_a_picture_afterwards(world: World):
    page = b"<html><script>alert(1)</script></html>"
    content, _ = stored(take(world.alice, picture(64, 36) + page, name="shot.html"))
    assert b"<script>" not in content


def test_a_wrong_name_does_not_matter_and_a_path_in_it_is_dropped(world: World):
    kept = take(world.alice, encoded(quadrants(), "JPEG"), name="../../etc/passwd.gif")
    assert kept.name == "passwd.gif"
    assert ".." not in kept.file


@pytest.mark.parametrize(
    ("kind", "mode", "color"),
    [("JPEG", "RGB", "teal"), ("PNG", "RGBA", (10, 20, 30, 128)), ("WEBP", "RGB", "teal")],
)
def test_forty_megapixels_fit_into_the_memory_of_the_child(kind: str, mode: str, color: Any, world: World):
    options = {"PNG": {"compress_level": 1}, "WEBP": {"quality": 1, "method": 0}}.get(
        kind, {"progressive": True}
    )
    large = encoded(Image.new(mode, FORTY_MEGAPIXELS, color), kind, **options)
    kept = take(world.alice, large)
    assert (kept.width, kept.height) == (KEPT_SIDE, KEPT_SIDE * 5 // 8)


def test_a_picture_of_pure_noise_still_ends_below_fals_eight_megabytes(world: World):
    tile = Image.frombytes("RGB", (960, 960), os.urandom(960 * 960 * 3))
    noise = Image.new("RGB", (3840, 3840))
    for number in range(16):
        noise.paste(tile, (number % 4 * 960, number // 4 * 960))
    sent = encoded(noise, "JPEG", quality=50)
    assert len(sent) < MAX_BYTES
    assert take(world.alice, sent).size <= MAX_BYTES


# ── Pictures that are refused ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [bomb_png, bomb_jpeg, bomb_webp])
def test_a_bomb_is_refused_by_its_header_quickly_and_with_little_memory(
    make: Any, world: World, tmp_path: Path
):
    bomb = make()
    assert len(bomb) < 30_000
    started = time.monotonic()
    assert refusal(world.alice, bomb) == TOO_LARGE
    assert time.monotonic() - started < 5
    # Decoded it would not even begin to fit here.
    (tmp_path / "bomb").write_bytes(bomb)
    with pytest.raises(sandbox.Rejected, match="40 megapixels"):
        sandbox.run(
            "generations.media.picture",
            str(tmp_path / "bomb"),
            str(tmp_path / "out"),
            memory_mib=160,
            cpu_seconds=5,
        )


@pytest.mark.parametrize("kind", not_pictures())
def test_what_is_no_jpeg_png_or_webp_is_refused_whatever_its_name_says(kind: str, world: World):
    assert refusal(world.alice, not_pictures()[kind]) == "Only JPEG, PNG and WebP pictures are accepted."


@pytest.mark.parametrize("damage", damaged_pictures())
def test_a_damaged_picture_is_refused_and_nothing_is_kept(damage: str, world: World):
    assert refusal(world.alice, damaged_pictures()[damage]) == UNREADABLE


def test_a_full_disk_is_not_the_fault_of_a_picture(world: World):
    whole = picture(1280, 720)
    with full_after(1000):
        assert "try again later" in refusal(world.alice, whole)
    assert take(world.alice, whole).width == 1280


def test_an_empty_file_is_called_empty(world: World):
    assert refusal(world.alice, b"") == "This file is empty."


def test_eight_megabytes_are_accepted_and_one_byte_more_is_not(world: World):
    whole = picture(64, 36)
    assert refusal(world.alice, whole.ljust(8_000_001, b"\0")) == "This file is larger than 8 MB."
    assert take(world.alice, whole.ljust(8_000_000, b"\0")).width == 64


def test_two_hundred_mutilated_pictures_end_as_pictures_or_in_a_refusal(tmp_path: Path):
    """In one child: whatever is flipped or cut, the parser neither crashes nor hangs nor keeps metadata."""
    seeds = [encoded(quadrants(), each) for each in ("JPEG", "PNG", "WEBP")]
    seeds.append(encoded(quadrants().convert("P"), "PNG", transparency=0))
    for number in range(200):
        content = bytearray(seeds[number % 4])
        for step in range(1 + number % 5):
            content[(number * 7919 + step * 104_729) % len(content)] ^= 1 << number % 8
        cut = len(content) if number % 3 else len(content) * (number % 97) // 97
        (tmp_path / f"{number:03}").write_bytes(content[:cut])
    done = subprocess.run(
        [sys.executable, "-c", MUTILATED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    accepted, refused = map(int, done.stdout.split())
    assert accepted + refused == 200
    assert min(accepted, refused) > 10


MUTILATED = """
import resource, sys
from pathlib import Path
from PIL import Image
from generations.media.picture import normalise
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
ends = {True: 0, False: 0}
for file in sorted(Path(sys.argv[1]).iterdir()):
    target = file.with_suffix(".jpg")
    try:
        normalise(str(file), str(target))
    except Exception:
        ends[False] += 1
    else:
        assert set(Image.open(target).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        ends[True] += 1
print(*ends.values())
"""


# ── The child ───────────────────────────────────────────────────────────────────────────────────


def test_a_child_stays_within_its_memory_and_must_answer_in_json(tmp_path: Path):
    (tmp_path / "large.png").write_bytes(encoded(Image.new("RGB", (4000, 4000)), "PNG"))
    with pytest.raises(sandbox.Rejected, match="too much memory"):
        sandbox.run(
            "generations.media.picture",
            str(tmp_path / "large.png"),
            str(tmp_path / "out"),
            memory_mib=128,
            cpu_seconds=5,
        )
    with pytest.raises(sandbox.Rejected, match="damaged or too complex"):
        sandbox.run("this", memory_mib=256, cpu_seconds=5)  # says something that is no answer
