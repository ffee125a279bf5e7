"""The catalogue against fal's facts: every field, and every combination that is on sale."""

import itertools
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from jsonschema import Draft202012Validator

from accounts.models import Hold
from generations.catalogue import CATALOGUE, Kind, Mode, Quality, choose, find
from generations.gateway import connect
from generations.models import EndpointSwitch, Generation, Upload
from generations.motor.submit import fal_arguments
from tests.generations.composing import FACTS, IMAGE, TEXT, fields, files, form, upload_ids
from tests.world import Studio, World

TYPES = {
    Kind.TEXT: "string",
    Kind.CHOICE: "string",
    Kind.SWITCH: "boolean",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.IMAGE: "string",
    Kind.IMAGES: "array",
    Kind.VIDEO: "string",
}
# Credits (US cents) per second, silent and with audio, written down from fal's price texts.
PER_SECOND = {
    "standard": {"720p": (20, 40), "1080p": (20, 40), "4k": (40, 60)},
    "fast": {"720p": (10, 15), "1080p": (10, 15), "4k": (30, 35)},
    "lite": {"720p": (3, 5), "1080p": (5, 8)},
}
KLING_CREDITS = {"5": 21, "10": 42}
OLDER = {"fal-ai/veo3.1/fast/image-to-video", "fal-ai/veo3.1/fast/first-last-frame-to-video"}
# Values of other endpoints and other spellings; those an endpoint does offer are left out for it.
WRONG = {
    "duration": (
        "4s", "5s", "6s", "7s", "8s", "4", "5", "8", "10", "8S", " 8s", "8s ", "-8s", "８s", "8s\0", "",
    ),
    "resolution": ("480p", "720p", "1080p", "4k", "4K", "1440p", "720", "1080p,4k", "\0", ""),
    "aspect_ratio": ("auto", "16:9", "9:16", "1:1", "4:3", "21:9", "16:9 ", "16/9", ""),
    "safety_tolerance": ("0", "7", "-1", "4.0", "04", "four", ""),
}  # fmt: skip


def expected_credits(endpoint_id: str, duration: str, resolution: str | None, audio: bool | None) -> int:
    """By the table above alone."""
    if "kling" in endpoint_id:
        return KLING_CREDITS[duration]
    family = next((each for each in ("lite", "fast") if f"/{each}" in endpoint_id), "standard")
    assert resolution is not None
    return PER_SECOND[family][resolution][bool(audio)] * int(duration.removesuffix("s"))


def combinations(endpoint_id: str) -> list[dict[str, Any]]:
    """Every length × resolution × audio of an endpoint, with its formats taken in turn."""
    facts = FACTS[endpoint_id]["properties"]
    axes = [
        facts["duration"]["enum"],
        facts.get("resolution", {}).get("enum", [None]),
        [True, False] if "generate_audio" in facts else [None],
    ]
    ratios = itertools.cycle(facts.get("aspect_ratio", {}).get("enum", [None]))
    return [
        {"duration": duration, "resolution": size, "generate_audio": audio, "aspect_ratio": next(ratios)}
        for duration, size, audio in itertools.product(*axes)
    ]


def sent_to_fal(generation: Generation) -> dict[str, Any]:
    """The stored input with the address of every upload, as the motor sends it."""

    def address(key: str) -> str:
        return f"https://files.example/{Upload.objects.get(pk=uuid.UUID(key)).pk}"

    arguments = dict(generation.input)
    for name in arguments.keys() & {"image_url", "first_frame_url", "last_frame_url", "video_url"}:
        arguments[name] = address(arguments[name])
    if "image_urls" in arguments:
        arguments["image_urls"] = [address(each) for each in arguments["image_urls"]]
    return arguments


def test_thirteen_endpoints_are_on_sale():
    assert len(CATALOGUE) == 13
    assert set(CATALOGUE) == set(FACTS)


def test_there_are_148_combinations_of_length_resolution_and_audio():
    assert sum(len(combinations(endpoint_id)) for endpoint_id in FACTS) == 148


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_every_field_is_as_fal_describes_it(endpoint_id: str):
    endpoint, facts = find(endpoint_id), FACTS[endpoint_id]
    assert [each.name for each in endpoint.fields if each.required] == facts["required"]
    described = {
        each.name: (TYPES[each.kind], each.default, set(each.choices) or None) for each in endpoint.fields
    }
    assert described == {
        name: (fact["type"], fact.get("default"), set(fact["enum"]) if "enum" in fact else None)
        for name, fact in facts["properties"].items()
    }


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_status_and_result_live_where_fal_says(endpoint_id: str):
    assert FACTS[endpoint_id]["$comment"].endswith(f" {find(endpoint_id).request_path}")


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_every_combination_costs_what_fal_asks_and_sends_what_fal_takes(
    endpoint_id: str, world: World, client_of: Any
):
    world.alice.workspace.wallet.grant(100_000, cause="test:enough")
    browser: Client = client_of("alice")
    fal_takes = Draft202012Validator(FACTS[endpoint_id])
    media: dict[str, Any] = files(endpoint_id)  # real files once, their ids from then on
    for chosen in combinations(endpoint_id):
        cost = expected_credits(
            endpoint_id, chosen["duration"], chosen["resolution"], chosen["generate_audio"]
        )
        sent = fields(endpoint_id, quoted=str(cost), **chosen)
        response = browser.post(reverse("generations:create"), sent | media)
        assert response.status_code == 302, (
            chosen,
            response.context["form"].errors,
            response.context["refusal"],
        )
        made = Generation.objects.select_related("hold").get(form_key=sent["form_key"])
        assert made.hold
        assert (made.cost, made.hold.amount, made.hold.state) == (cost, cost, Hold.State.HELD)
        arguments = sent_to_fal(made)
        fal_takes.validate(arguments)
        assert {name: arguments.get(name) for name in chosen} == chosen
        assert ("seed" in arguments) == ("seed" in FACTS[endpoint_id]["properties"])
        media = upload_ids(endpoint_id, world.alice)
    assert Upload.objects.count() == len(set(Upload.objects.values_list("source_sha256", flat=True)))


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_every_value_outside_an_enum_is_refused_beside_its_field(endpoint_id: str, world: World):
    media = upload_ids(endpoint_id, world.alice)
    assert form(endpoint_id, world.alice, **media).is_valid()
    for name, facts in FACTS[endpoint_id]["properties"].items():
        for value in WRONG.get(name, ()):
            if value not in facts["enum"]:
                refused = form(endpoint_id, world.alice, **media | {name: value})
                assert list(refused.errors) == [name], (name, value)


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_parameters_of_other_endpoints_never_reach_fal(endpoint_id: str, world: World):
    strangers = {
        "tail_image_url": "x",
        "cfg_scale": "0.7",
        "seed": "7",
        "negative_prompt": "fog",
        "resolution": "4k",
    }
    own = FACTS[endpoint_id]["properties"]
    foreign = {name: value for name, value in strangers.items() if name not in own}
    made = form(endpoint_id, world.alice, **upload_ids(endpoint_id, world.alice) | foreign)
    assert made.is_valid()
    assert set(made.fal_input()) <= set(own)


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_the_square_of_older_pages_is_offered_only_where_it_was_and_only_when_switched_on(
    endpoint_id: str, world: World
):
    if "aspect_ratio" not in FACTS[endpoint_id]["properties"]:
        return
    media = upload_ids(endpoint_id, world.alice)
    assert "aspect_ratio" in form(endpoint_id, world.alice, aspect_ratio="1:1", **media).errors
    EndpointSwitch.objects.create(endpoint=endpoint_id, older_choices=True)
    accepted = form(endpoint_id, world.alice, aspect_ratio="1:1", **media).is_valid()
    assert accepted == (endpoint_id in OLDER)


def test_what_the_motor_sends_with_real_addresses_is_what_fal_takes(studio: Studio):
    studio.world.alice.workspace.wallet.grant(10_000, cause="test:enough")
    for endpoint_id, facts in FACTS.items():
        arguments = fal_arguments(studio.place(endpoint_id=endpoint_id), connect())
        Draft202012Validator(facts).validate(arguments)
        assert set(facts["properties"]) - set(arguments) <= {"negative_prompt"}


def test_a_mode_without_the_wanted_quality_gets_the_nearest_one():
    assert choose(Mode.TEXT, Quality.LITE).id == TEXT
    assert choose(Mode.IMAGE, Quality.LITE).id == IMAGE
    assert choose(Mode.TEXT, Quality.KLING).id == "fal-ai/veo3.1"
    assert choose(Mode.REFERENCES, Quality.LITE).id == "fal-ai/veo3.1/reference-to-video"
    assert choose(Mode.EXTEND, Quality.LITE).id == "fal-ai/veo3.1/fast/extend-video"


def test_every_endpoint_is_found_by_its_mode_and_quality():
    assert {choose(each.mode, each.quality).id for each in CATALOGUE.values()} == set(CATALOGUE)
