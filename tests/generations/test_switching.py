"""Changing tab: what fits stays, what does not is said and waits, and going back finds it."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from generations.catalogue import Mode, Quality, find
from generations.forms import GenerationForm
from generations.models import EndpointSwitch
from generations.switching import Switched, aim, switch
from tests.generations.composing import EXTEND, FRAMES, IMAGE, KLING, REFERENCES, TEXT, form
from tests.world import World, picture, upload

BEST, BEST_IMAGE, FAST = "fal-ai/veo3.1", "fal-ai/veo3.1/image-to-video", "fal-ai/veo3.1/fast"
FAST_IMAGE = "fal-ai/veo3.1/fast/image-to-video"


class Browser:
    """A page in front of somebody: what stands in the form is what the next press sends."""

    def __init__(self, who: Any, endpoint_id: str) -> None:
        self.who = who
        self.page = GenerationForm(find(endpoint_id), who)
        self.notes: list[str] = []

    def go(self, endpoint_id: str, wanted: Quality | None = None, **changes: Any) -> "Browser":
        """Fill in `changes` and press another tab."""
        switched = switch(self.sent(**changes), find(endpoint_id), wanted)
        self.page = GenerationForm(find(endpoint_id), self.who, initial=switched.initial)
        self.notes = switched.notes
        return self

    def sent(self, **changes: Any) -> GenerationForm:
        """The form as a browser would send it now."""
        data = QueryDict(mutable=True)
        for name, field in self.page.fields.items():
            if hasattr(field, "kept"):
                data.setlist(f"{name}_upload", [str(each.pk) for each in field.kept])
                continue
            value = changes.get(name, self.page[name].value())
            if value not in (None, False):
                data[name] = "on" if value is True else str(value)
        for name in changes.keys() - self.page.fields.keys():
            value = changes[name]
            data.setlist(name, value if isinstance(value, list) else [value])
        return GenerationForm(self.page.endpoint, self.who, data)

    def shows(self, *names: str) -> dict[str, Any]:
        return {name: self.page[name].value() for name in names}

    def files(self, name: str) -> list[str]:
        return [str(each.pk) for each in self.page.fields[name].kept]  # type: ignore[attr-defined]

    @property
    def said(self) -> str:
        return " ".join(self.notes)


@pytest.fixture
def keys(world: World) -> list[str]:
    """Four pictures of the workspace."""
    return [
        str(upload(world.alice, content=picture(color=each)).pk) for each in ("red", "green", "blue", "gold")
    ]


def test_everything_that_fits_travels(world: World):
    page = Browser(world.alice, TEXT).go(
        IMAGE,
        prompt="A pier in fog",
        aspect_ratio="9:16",
        duration="6s",
        resolution="1080p",
        generate_audio=False,
        seed="42",
        negative_prompt="people",
        safety_tolerance="2",
        takes="3",
    )
    assert page.shows(
        "prompt", "aspect_ratio", "duration", "resolution", "generate_audio", "seed", "negative_prompt",
        "safety_tolerance", "takes",
    ) == {
        "prompt": "A pier in fog",
        "aspect_ratio": "9:16",
        "duration": "6s",
        "resolution": "1080p",
        "generate_audio": False,
        "seed": "42",
        "negative_prompt": "people",
        "safety_tolerance": "2",
        "takes": 3,
    }  # fmt: skip
    assert "6 s" not in page.said


def test_the_form_key_travels_so_that_the_tabs_are_one_form(world: World):
    page = Browser(world.alice, TEXT)
    before = str(page.page["form_key"].value())
    assert str(page.go(IMAGE).page["form_key"].value()) == before


def test_a_value_that_is_not_offered_is_said_becomes_the_default_and_comes_back(world: World):
    page = Browser(world.alice, BEST).go(TEXT, resolution="4k")
    assert page.shows("resolution") == {"resolution": "720p"}
    assert "Resolution 4K is not offered by Veo 3.1 Lite; it is now 720p." in page.notes
    page.go(IMAGE)
    assert "4K" not in page.said  # said once
    assert page.go(BEST).shows("resolution") == {"resolution": "4k"}


def test_a_newer_choice_wins_over_the_one_that_waited(world: World):
    page = Browser(world.alice, BEST).go(TEXT, resolution="4k").go(BEST, resolution="1080p")
    assert page.shows("resolution") == {"resolution": "1080p"}


def test_lengths_are_spelled_differently_and_come_back_as_they_were(world: World):
    page = Browser(world.alice, IMAGE).go(KLING, duration="6s")
    assert page.shows("duration") == {"duration": "5"}
    assert "Length 6 s is not offered by Kling 2.5 Turbo Standard; it is now 5 s." in page.notes
    page.go(IMAGE, duration="10")
    assert page.shows("duration") == {"duration": "8s"}
    assert page.go(KLING).shows("duration") == {"duration": "10"}


def test_what_the_other_model_lacks_is_said_and_waits(world: World):
    page = Browser(world.alice, IMAGE).go(KLING, generate_audio=False, seed="42", resolution="1080p")
    assert page.notes[-1] == (
        "Kling 2.5 Turbo Standard has no Format, Resolution, Audio, Seed. What you chose is kept for later."
    )
    page.go(IMAGE)
    assert page.shows("generate_audio", "seed", "resolution") == {
        "generate_audio": False,
        "seed": "42",
        "resolution": "1080p",
    }


def test_defaults_are_each_models_own_and_a_change_by_them_is_said(world: World):
    page = Browser(world.alice, TEXT).go(IMAGE)
    assert page.shows("aspect_ratio", "auto_fix") == {"aspect_ratio": "auto", "auto_fix": False}
    assert page.notes == [
        ("As usual for Veo 3.1 Lite image to video: Format is As the input, Rewrite a refused prompt is off.")
    ]
    assert page.go(TEXT).shows("aspect_ratio", "auto_fix") == {"aspect_ratio": "16:9", "auto_fix": True}


def test_klings_own_negative_prompt_does_not_become_veos(world: World):
    page = Browser(world.alice, KLING).go(IMAGE)
    assert page.shows("negative_prompt") == {"negative_prompt": None}
    assert page.go(KLING).shows("negative_prompt") == {"negative_prompt": "blur, distort, and low quality"}


def test_a_choice_that_is_another_models_default_is_still_a_choice(world: World):
    page = Browser(world.alice, TEXT).go(IMAGE, auto_fix=False)
    assert page.shows("auto_fix") == {"auto_fix": False}
    assert page.go(TEXT).shows("auto_fix") == {"auto_fix": False}
    page.go(IMAGE, aspect_ratio="9:16").go(TEXT).go(IMAGE, aspect_ratio="16:9")
    assert page.shows("aspect_ratio") == {"aspect_ratio": "16:9"}


def test_a_prompt_that_is_too_long_there_is_kept_whole_and_said(world: World):
    page = Browser(world.alice, IMAGE).go(KLING, prompt="x" * 3000)
    assert page.shows("prompt") == {"prompt": "x" * 3000}
    assert "Prompt is longer than" in page.said


def test_unreadable_values_travel_so_that_they_can_be_corrected(world: World):
    page = Browser(world.alice, TEXT).go(IMAGE, seed="4 2", prompt="")
    assert page.shows("seed") == {"seed": "4 2"}


def test_an_older_choice_travels_only_where_it_is_switched_on(world: World):
    EndpointSwitch.objects.create(endpoint=FAST_IMAGE, older_choices=True)
    page = Browser(world.alice, FAST_IMAGE).go(IMAGE, aspect_ratio="1:1")
    assert page.shows("aspect_ratio") == {"aspect_ratio": "auto"}
    assert (
        "Format 1:1 square is not offered by Veo 3.1 Lite image to video; it is now As the input."
        in page.notes
    )
    assert page.go(FAST_IMAGE).shows("aspect_ratio") == {"aspect_ratio": "1:1"}


# ── Quality ─────────────────────────────────────────────────────────────────────────────────────


def test_a_mode_without_the_wanted_quality_says_so_and_going_back_finds_it(world: World):
    page = Browser(world.alice, TEXT)
    target, wanted = aim(page.sent(), Mode.REFERENCES, None)
    assert (target.id, wanted) == (REFERENCES, Quality.LITE)
    page.go(target.id, wanted)
    assert (
        page.notes[0]
        == "Veo 3.1 Lite has no mode “References”. This is Veo 3.1 references; see the new price."
    )
    assert aim(page.sent(), Mode.TEXT, None)[0].id == TEXT
    assert aim(page.sent(), Mode.TEXT, Quality.FAST)[0].id == FAST


# ── Files ───────────────────────────────────────────────────────────────────────────────────────


def test_an_image_becomes_the_first_frame_and_both_frames_come_back(world: World, keys: list[str]):
    page = Browser(world.alice, IMAGE).go(FRAMES, image_url_upload=keys[0])
    assert (page.files("first_frame_url"), page.files("last_frame_url")) == (keys[:1], [])
    page.go(IMAGE, last_frame_url_upload=keys[1])
    assert page.files("image_url") == keys[:1]
    assert "fewer pictures" in page.said
    page.go(FRAMES)
    assert (page.files("first_frame_url"), page.files("last_frame_url")) == (keys[:1], keys[1:2])


def test_references_come_back_in_order_after_tabs_without_and_with_fewer_places(
    world: World, keys: list[str]
):
    page = Browser(world.alice, REFERENCES).go(TEXT, image_urls_upload=keys[:3])
    assert page.go(FRAMES).files("last_frame_url") == keys[1:2]
    assert page.go(EXTEND).go(REFERENCES).files("image_urls") == keys[:3]


def test_a_replaced_picture_takes_the_place_and_the_others_still_wait(world: World, keys: list[str]):
    page = Browser(world.alice, REFERENCES).go(IMAGE, image_urls_upload=keys[:3])
    page.page.fields["image_url"].kept = []  # type: ignore[attr-defined]  # unticked
    page.go(REFERENCES, image_url_upload=keys[3])
    assert page.files("image_urls") == [keys[3], keys[1], keys[2]]


def test_a_lone_last_frame_comes_back_as_the_last_frame(world: World, keys: list[str]):
    page = Browser(world.alice, FRAMES).go(IMAGE, last_frame_url_upload=keys[0]).go(FRAMES)
    assert (page.files("first_frame_url"), page.files("last_frame_url")) == ([], keys[:1])


def test_a_clip_waits_while_other_tabs_are_looked_at(world: World, keys: list[str]):
    clip = str(upload(world.alice, "video").pk)
    page = Browser(world.alice, EXTEND).go(IMAGE, video_url_upload=clip)
    assert page.files("image_url") == []
    assert page.go(TEXT, image_url_upload=keys[0]).go(EXTEND).files("video_url") == [clip]
    assert page.go(IMAGE).files("image_url") == keys[:1]


def test_a_new_file_is_stored_by_the_press_of_a_tab_and_a_bad_one_is_said(world: World):
    def press(content: bytes) -> Switched:
        sent = MultiValueDict({"image_url": [SimpleUploadedFile("shot.png", content)]})
        bound = form(IMAGE, world.alice)
        return switch(GenerationForm(find(IMAGE), world.alice, bound.data, sent), find(FRAMES))

    assert len(press(picture()).initial["first_frame_url"]) == 1
    assert press(b"GIF89a").notes[0].startswith("shot.png: Only JPEG, PNG and WebP")


# ── Nothing in `parked` is believed ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "parked",
    [
        "{", "[1]", '{"_images": 5, "_videos": "x", "_places": [1]}', '{"_images": ["x", 1, null]}',
        '{"_places": {"image_url": ["nonsense"]}, "_quality": "best"}',
        '{"resolution": {"a": 1}, "seed": [1]}',
        '{"duration": "\\u0000", "auto_fix": "perhaps"}', "[" * 50_000,
    ],
)  # fmt: skip
def test_odd_parked_values_break_nothing(parked: str, world: World):
    bound = form(TEXT, world.alice, parked=parked)
    target, wanted = aim(bound, Mode.IMAGE, None)
    switched = switch(bound, target, wanted)
    assert GenerationForm(target, world.alice, initial=switched.initial)["prompt"].value()


def test_parked_ids_of_another_workspace_show_nothing(world: World):
    foreign = str(upload(world.eve).pk)
    parked = json.dumps({"_images": [foreign], "_videos": [foreign], "_places": {"image_url": [foreign]}})
    switched = switch(form(TEXT, world.alice, parked=parked), find(IMAGE))
    page = GenerationForm(find(IMAGE), world.alice, initial=switched.initial)
    assert page.fields["image_url"].kept == []  # type: ignore[attr-defined]


def test_a_picture_parked_as_a_video_is_not_shown_as_one(world: World, keys: list[str]):
    switched = switch(form(TEXT, world.alice, parked=json.dumps({"_videos": keys[:1]})), find(EXTEND))
    page = GenerationForm(find(EXTEND), world.alice, initial=switched.initial)
    assert page.fields["video_url"].kept == []  # type: ignore[attr-defined]


def test_half_a_sign_that_a_form_remembers_breaks_no_page(client_of: Any) -> None:
    half = json.dumps({"negative_prompt": "\ud800", "prompt": "\ud800"})
    for to in ("text/standard", "image/standard"):
        given = {"endpoint": "fal-ai/veo3.1/fast", "to": to, "parked": half}
        assert client_of("alice").post("/create/", given).status_code == 200
