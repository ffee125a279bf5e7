"""The create form: what it accepts, what it says beside which field, and what it keeps."""

import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from generations.catalogue import find
from generations.forms import GenerationForm, unpark
from generations.models import Upload
from generations.orders import place
from tests.generations.composing import (
    EXTEND,
    FACTS,
    FRAMES,
    IMAGE,
    KLING,
    REFERENCES,
    TEXT,
    fields,
    form,
    upload_ids,
)
from tests.world import World, order, picture, upload


def with_files(endpoint_id: str, who: Any, files: dict[str, list[bytes]], **changes: Any) -> GenerationForm:
    data = QueryDict(mutable=True)
    data.update(fields(endpoint_id, **changes))
    sent = {
        name: [SimpleUploadedFile(f"{number}.png", each) for number, each in enumerate(contents)]
        for name, contents in files.items()
    }
    return GenerationForm(find(endpoint_id), who, data, MultiValueDict(sent))


def error_of(made: GenerationForm, name: str) -> str:
    assert list(made.errors) == [name]
    return str(made.errors[name][0])


# ── Values ──────────────────────────────────────────────────────────────────────────────────────


def test_what_is_sent_are_typed_values_and_nothing_that_was_left_empty(world: World):
    made = form(TEXT, world.alice, seed="7", negative_prompt="", generate_audio=None, aspect_ratio="9:16")
    assert made.is_valid()
    assert made.fal_input() == {
        "prompt": "A lighthouse at dusk, slow push in",
        "aspect_ratio": "9:16",
        "duration": "8s",
        "resolution": "720p",
        "generate_audio": False,
        "seed": 7,
        "auto_fix": True,
        "safety_tolerance": "4",
    }


def test_an_unticked_box_is_off_and_an_odd_word_is_not_on(world: World):
    for word, meant in (
        ("on", True),
        ("true", True),
        ("1", True),
        ("False", False),
        ("0", False),
        ("off", False),
    ):
        made = form(TEXT, world.alice, generate_audio=word)
        assert made.is_valid()
        assert made.fal_input()["generate_audio"] is meant
    assert error_of(form(TEXT, world.alice, generate_audio="maybe"), "generate_audio") == "Choose on or off."


def test_a_text_that_was_emptied_does_not_come_back_as_fals_default(world: World):
    media = upload_ids(KLING, world.alice)
    emptied = form(KLING, world.alice, negative_prompt="", **media)
    assert emptied.is_valid()
    assert emptied.fal_input()["negative_prompt"] == ""
    left_alone = form(KLING, world.alice, **media)
    assert left_alone.is_valid()
    assert left_alone.fal_input()["negative_prompt"] == "blur, distort, and low quality"


def test_kling_has_no_resolution_audio_format_or_seed_and_costs_by_length(world: World):
    made = form(KLING, world.alice, duration="10", cfg_scale="0", **upload_ids(KLING, world.alice))
    assert made.is_valid()
    assert set(made.fal_input()) == {"prompt", "image_url", "duration", "negative_prompt", "cfg_scale"}
    assert made.fal_input()["cfg_scale"] == 0
    assert made.quote().total == 42


def test_references_have_neither_seed_nor_negative_prompt(world: World):
    made = form(REFERENCES, world.alice, seed="1", negative_prompt="x", **upload_ids(REFERENCES, world.alice))
    assert made.is_valid()
    assert not {"seed", "negative_prompt"} & set(made.fal_input())
    placed = place(world.alice, order(world.alice, REFERENCES))
    assert "seed" not in placed[0].input


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_a_fresh_form_shows_fals_defaults(endpoint_id: str, world: World):
    fresh = GenerationForm(find(endpoint_id), world.alice)
    shown = {name: fresh[name].value() for name in FACTS[endpoint_id]["properties"]}
    for name, facts in FACTS[endpoint_id]["properties"].items():
        assert shown[name] == facts.get("default"), name


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("0", True), ("4294967295", True), ("007", True), (" 5 ", True), ("5.0", True), ("4294967296", False),
        ("-1", False), ("1.5", False), ("1e3", False), ("0x10", False), ("1_000", False),
        ("٣", False), ("３", False), ("nan", False), ("seven", False), ("5\0", False), ("9" * 5000, False),
    ],
)  # fmt: skip
def test_a_seed_is_a_plain_whole_number_of_32_bits(value: str, fits: bool, world: World):
    made = form(TEXT, world.alice, seed=value)
    assert list(made.errors) == ([] if fits else ["seed"])


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("0", True), ("1", True), ("0.05", True), (".5", True), ("1e-1", True), ("1.0001", False),
        ("-0.1", False), ("nan", False), ("NaN", False), ("inf", False), ("-Infinity", False),
        ("٠.٥", False), ("0,5", False), ("0_5", False), ("half", False), ("1e400", False), ("0.5\0", False),
    ],
)  # fmt: skip
def test_the_prompt_strength_is_a_finite_number_from_0_to_1(value: str, fits: bool, world: World):
    made = form(KLING, world.alice, cfg_scale=value, **upload_ids(KLING, world.alice))
    assert list(made.errors) == ([] if fits else ["cfg_scale"])


@pytest.mark.parametrize("value", ["", "   ", "\r\n\t", "a\0b", "half \ud83d of a pair", "x" * 20_001])
def test_a_prompt_that_cannot_be_used_is_said_beside_it(value: str, world: World):
    assert error_of(form(TEXT, world.alice, prompt=value), "prompt")


def test_a_line_end_counts_as_one_character_as_it_does_in_the_browser(world: World):
    made = form(KLING, world.alice, prompt="a\r\n" * 1249 + "ab", **upload_ids(KLING, world.alice))
    assert made.is_valid()
    assert made.fal_input()["prompt"] == "a\n" * 1249 + "ab"
    too_long = form(KLING, world.alice, prompt="x" * 2501, **upload_ids(KLING, world.alice))
    assert "2500" in error_of(too_long, "prompt")


@pytest.mark.parametrize("value", ["0", "5", "-1", "1.5", "", "two", "１", "1,2"])
def test_takes_are_one_to_four(value: str, world: World):
    assert error_of(form(TEXT, world.alice, takes=value), "takes")


def test_the_live_price_counts_takes_within_one_to_four_whatever_is_sent(world: World):
    for sent, counted in (("0", 1), ("3", 3), ("99", 4), ("x", 1), (None, 1)):
        assert form(TEXT, world.alice, takes=sent).quote().total == 40 * counted


@pytest.mark.parametrize("value", [None, "", "not a key", "1" * 40, "\0"])
def test_a_form_without_a_usable_key_is_refused_and_gets_one_for_the_next_try(
    value: str | None, world: World
):
    made = form(TEXT, world.alice, form_key=value)
    assert "send it again" in error_of(made, "form_key")
    made.show_again()
    assert uuid.UUID(str(made["form_key"].value())).version == 4


@pytest.mark.parametrize("value", [None, "", "many", "-5", "1.5", "nan"])
def test_a_form_that_does_not_say_which_price_it_showed_is_refused(value: str | None, world: World):
    made = form(TEXT, world.alice, quoted=value)
    assert "price" in error_of(made, "quoted")
    made.show_again()
    assert made["quoted"].value() == "40"


# ── Files ───────────────────────────────────────────────────────────────────────────────────────


def test_an_upload_of_another_workspace_is_as_unknown_as_one_that_never_was(world: World):
    foreign = str(upload(world.eve).pk)
    texts = {
        error_of(form(IMAGE, world.alice, image_url_upload=key), "image_url")
        for key in (foreign, str(uuid.uuid4()), "nonsense", "\0", "1")
    }
    assert texts == {"This upload does not exist."}


def test_a_clip_of_another_workspace_is_as_unknown_as_one_that_never_was(world: World):
    foreign = place(world.eve, order(world.eve))[0]
    texts = {
        error_of(form(EXTEND, world.alice, video_url_clip=key), "video_url")
        for key in (str(foreign.pk), str(uuid.uuid4()), "nonsense")
    }
    assert texts == {"This clip does not exist."}


def test_a_clip_that_is_not_ready_cannot_be_extended_yet(world: World):
    waiting = place(world.bob, order(world.bob))[0]
    made = form(EXTEND, world.alice, video_url_clip=str(waiting.pk))
    assert error_of(made, "video_url") == "This clip is not ready yet."


def test_a_remix_of_somebody_elses_clip_is_quietly_no_remix(world: World):
    foreign = place(world.eve, order(world.eve))[0]
    own = place(world.bob, order(world.bob))[0]
    for key, meant in ((foreign.pk, None), (uuid.uuid4(), None), (own.pk, own.pk)):
        made = form(TEXT, world.alice, remix_of=str(key))
        assert made.is_valid()
        assert made.order().remix_of == meant


def test_a_picture_is_no_video_and_a_clip_is_no_picture(world: World):
    image, video = upload_ids(IMAGE, world.alice), upload_ids(EXTEND, world.alice)
    assert form(EXTEND, world.alice, video_url_upload=image["image_url_upload"]).errors["video_url"]
    assert form(IMAGE, world.alice, image_url_upload=video["video_url_upload"]).errors["image_url"]


def test_a_missing_file_is_named(world: World):
    made = form(FRAMES, world.alice, first_frame_url_upload=str(upload(world.alice).pk))
    assert error_of(made, "last_frame_url") == "Last frame is missing."


def test_the_same_picture_given_twice_is_one_reference_but_may_be_both_frames(world: World):
    key = str(upload(world.alice).pk)
    twice = form(REFERENCES, world.alice, image_urls_upload=[key, key])
    assert twice.is_valid()
    assert twice.fal_input()["image_urls"] == [key]
    both = form(FRAMES, world.alice, first_frame_url_upload=key, last_frame_url_upload=key)
    assert both.is_valid()


def test_references_keep_their_order_and_a_fourth_is_refused_without_losing_any(world: World):
    keys = [
        str(upload(world.alice, content=picture(color=each)).pk) for each in ("red", "green", "blue", "gold")
    ]
    three = form(REFERENCES, world.alice, image_urls_upload=keys[2::-1])
    assert three.is_valid()
    assert three.fal_input()["image_urls"] == keys[2::-1]
    four = form(REFERENCES, world.alice, image_urls_upload=keys)
    assert error_of(four, "image_urls") == "Up to 3 files; take some away."
    assert [str(each.pk) for each in four.fields["image_urls"].kept] == keys  # type: ignore[attr-defined]


def test_a_hundred_files_at_once_are_not_all_read(world: World):
    files = [picture(64, 36, color=f"#{number:06x}") for number in range(12)]
    made = with_files(REFERENCES, world.alice, {"image_urls": files})
    assert error_of(made, "image_urls") == "Up to 3 files; take some away."
    assert Upload.objects.count() == 9


def test_a_new_file_replaces_the_one_before_and_a_bad_one_does_not(world: World):
    before = str(upload(world.alice, content=picture(color="red")).pk)
    replaced = with_files(IMAGE, world.alice, {"image_url": [picture(color="blue")]}, image_url_upload=before)
    assert replaced.is_valid()
    assert replaced.fal_input()["image_url"] != before
    damaged = with_files(
        IMAGE, world.alice, {"image_url": [b"\x89PNG\r\n\x1a\n damaged"]}, image_url_upload=before
    )
    assert "0.png" in error_of(damaged, "image_url")
    assert [str(each.pk) for each in damaged.fields["image_url"].kept] == [before]  # type: ignore[attr-defined]


def test_what_was_good_is_kept_by_its_id_when_something_else_was_wrong(world: World):
    made = with_files(IMAGE, world.alice, {"image_url": [picture(color="red")]}, prompt="", duration="5s")
    assert set(made.errors) == {"prompt", "duration"}
    made.show_again()
    stored = Upload.objects.get()
    assert made["image_url"].value() == {"uploads": [str(stored.pk)], "clips": [], "files": []}
    assert set(made.errors) == {"prompt", "duration"}


def test_soft_and_cropped_pictures_are_accepted_with_a_warning_that_says_what_is_lost(world: World):
    small = str(upload(world.alice, content=picture(640, 640)).pk)
    made = form(IMAGE, world.alice, image_url_upload=small, aspect_ratio="16:9")
    assert made.is_valid()
    assert made.warnings()["image_url"] == [
        "640 × 640 is below 720p: the clip may look soft.",
        "About 44 % will be cut at the top and bottom to fit 16:9.",
    ]
    fine = form(IMAGE, world.alice, image_url_upload=str(upload(world.alice).pk), aspect_ratio="auto")
    assert fine.is_valid()
    assert fine.warnings() == {"image_url": []}


# ── Parked values ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"x"', "[" * 50_000, "9" * 5000])
def test_odd_parked_values_are_none(text: str):
    assert unpark(text) == {}


def test_parked_values_are_read_as_written():
    assert unpark(json.dumps({"seed": "7"})) == {"seed": "7"}
