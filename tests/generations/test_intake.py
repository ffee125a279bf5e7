"""Files from outside: what is taken, what it becomes, and what is refused before it can do harm."""

import io
import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms, PngImagePlugin

from accounts.policy import Actor
from generations.media import intake, sandbox
from generations.media.picture import KEPT_SIDE, MAX_BYTES, TOO_LARGE, UNREADABLE, webp_size
from generations.media.vault import vault
from generations.models import Upload
from tests.world import World, picture, upload, video

ROOT = Path(__file__).parents[2]
CORNERS = {"top left": "red", "top right": "lime", "bottom left": "blue", "bottom right": "white"}
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


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb_png(side: int = 13_000) -> bytes:
    """A black square of one bit a pixel: some 20 KB that ask for hundreds of megabytes."""
    rows = zlib.compress(bytes((side // 8 + 1 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bomb_jpeg() -> bytes:
    """A small JPEG whose header claims 65,500 × 65,500."""
    content = bytearray(encoded(quadrants(), "JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def bomb_webp() -> bytes:
    """A canvas of 16,384 × 16,384 around a picture of one colour."""
    inner = encoded(Image.new("RGB", (16, 16)), "WEBP")[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\x3f\x00" * 2
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(inner)) + b"WEBP" + canvas + inner


def quadrants(size: tuple[int, int] = (160, 90)) -> Image.Image:
    image = Image.new("RGB", size)
    wide, tall = size[0] // 2, size[1] // 2
    for where, color in CORNERS.items():
        at = (wide if "right" in where else 0, tall if "bottom" in where else 0)
        image.paste(Image.new("RGB", (wide, tall), color), at)
    return image


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


def odd_pictures() -> dict[str, bytes]:
    """Pictures of every colour model, all of a mid grey or see-through on it."""
    grey = Image.new("L", (64, 36), 128)
    deep = Image.new("I;16", (64, 36), 128 * 257)
    palette = Image.new("P", (64, 36), 1)
    palette.putpalette([0, 0, 0, 128, 128, 128])
    return {
        "grey": encoded(grey, "PNG"),
        "grey jpeg": encoded(grey, "JPEG"),
        "16 bit": encoded(deep, "PNG"),
        "palette": encoded(palette, "PNG"),
        "cmyk": encoded(Image.new("CMYK", (64, 36), (127, 127, 127, 0)), "JPEG"),
        "half see-through": encoded(Image.new("RGBA", (64, 36), (0, 0, 0, 127)), "PNG"),
        "half see-through webp": encoded(Image.new("RGBA", (64, 36), (0, 0, 0, 127)), "WEBP", lossless=True),
        "grey with alpha": encoded(Image.new("LA", (64, 36), (0, 127)), "PNG"),
    }


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


def not_pictures() -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("shot.png", picture(64, 36))
    return {
        "zip": archive.getvalue(),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "gif": encoded(Image.new("P", (8, 8)), "GIF"),
        "tiff": encoded(Image.new("RGB", (8, 8)), "TIFF"),
        "bmp": encoded(Image.new("RGB", (8, 8)), "BMP"),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
        "pdf": b"%PDF-1.7\n",
        "html": b"<!doctype html><title>shot.png</title>",
        "avi": b"RIFF\x10\x00\x00\x00AVI LIST" + bytes(20),
        "text": b"a picture, honestly",
    }


@pytest.mark.parametrize("kind", not_pictures())
def test_what_is_no_jpeg_png_or_webp_is_refused_whatever_its_name_says(kind: str, world: World):
    assert refusal(world.alice, not_pictures()[kind]) == "Only JPEG, PNG and WebP pictures are accepted."


def damaged_pictures() -> dict[str, bytes]:
    noisy = Image.effect_noise((320, 180), 60).convert("RGB")
    whole = {each: encoded(noisy, each) for each in ("PNG", "JPEG", "WEBP")}
    cut = {f"cut {name}": content[: len(content) // 2] for name, content in whole.items()}
    return cut | {
        "only a signature": b"\x89PNG\r\n\x1a\n",
        "only a beginning": b"\xff\xd8\xff\xe0",
        "a webp of nothing": b"RIFF\x04\x00\x00\x00WEBP",
        "no rows": whole["PNG"][:33] + chunk(b"IEND", b""),
        "a png in a jpeg's coat": b"\xff\xd8\xff" + whole["PNG"],
    }  # fmt: skip


@pytest.mark.parametrize("damage", damaged_pictures())
def test_a_damaged_picture_is_refused_and_nothing_is_kept(damage: str, world: World):
    assert refusal(world.alice, damaged_pictures()[damage]) == UNREADABLE


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


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 80}, {"quality": 80, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}]
)
def test_the_size_of_a_webp_is_read_from_its_header(options: dict[str, Any], tmp_path: Path):
    source = tmp_path / "shot.webp"
    source.write_bytes(encoded(Image.new("RGB", (321, 123)), "WEBP", **options))
    assert webp_size(source) == (321, 123)


# ── The child ───────────────────────────────────────────────────────────────────────────────────


def test_a_child_sees_nothing_of_our_environment(monkeypatch: Any):
    monkeypatch.setenv("FAL_KEY", "secret")
    seen = sandbox.run("tests.generations.confession", memory_mib=256, cpu_seconds=5)
    assert set(seen) <= {"PATH", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


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
        sandbox.run("this", memory_mib=256, cpu_seconds=5)  # prints something that is no answer


# ── Videos ──────────────────────────────────────────────────────────────────────────────────────


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


def sound_only() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def cut_off() -> bytes:
    """The table of contents comes first and is whole; the last quarter of the pictures is not there."""
    whole = video(4)
    moov, mdat = whole.index(b"moov") - 4, whole.index(b"mdat") - 4
    assert mdat < moov
    head, data, table = whole[:mdat], whole[mdat:moov], whole[moov:]
    return head + _moved(table, len(table)) + data[: len(data) * 3 // 4]


def _moved(table: bytes, by: int) -> bytes:
    """`moov` with every chunk offset `by` bytes later."""
    out = bytearray(table)
    at = out.index(b"stco") + 4
    (count,) = struct.unpack(">I", out[at + 4 : at + 8])
    for number in range(count):
        spot = at + 8 + number * 4
        (offset,) = struct.unpack(">I", out[spot : spot + 4])
        out[spot : spot + 4] = struct.pack(">I", offset + by)
    return bytes(out)


def lying_about_its_length() -> bytes:
    """Twelve seconds whose headers say three."""
    out = bytearray(video(12))
    for box, at in ((b"mdhd", 16), (b"mvhd", 16), (b"tkhd", 24)):
        spot = out.index(box) + 4 + at
        (ticks,) = struct.unpack(">I", out[spot : spot + 4])
        out[spot : spot + 4] = struct.pack(">I", ticks // 4)
    return bytes(out)


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
