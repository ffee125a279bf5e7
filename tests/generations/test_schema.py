"""The catalogue for machines and readers: schema, API input, and the docs page."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import QueryDict
from jsonschema import Draft202012Validator

from generations.catalogue import find
from generations.forms import GenerationForm
from generations.schema import document, form_data, input_schema
from tests.generations.composing import FACTS, IMAGE, KLING, REFERENCES, TEXT, fields, upload_ids
from tests.world import World

FAST_IMAGE = "fal-ai/veo3.1/fast/image-to-video"


def from_api(endpoint_id: str, who: Any, given: dict[str, Any]) -> GenerationForm:
    """A form filled in by the API: an order's own fields, and what `form_data` made of the input."""
    data, errors = form_data(find(endpoint_id), given)
    assert errors == {}
    own = {name: fields(endpoint_id)[name] for name in ("form_key", "takes", "quoted")}
    return GenerationForm(find(endpoint_id), who, data | own)


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_the_schema_says_what_fal_says_but_for_files_which_are_upload_ids(endpoint_id: str):
    schema, facts = input_schema(find(endpoint_id)), FACTS[endpoint_id]
    Draft202012Validator.check_schema(schema)
    assert (schema["required"], schema["additionalProperties"]) == (facts["required"], False)
    assert list(schema["properties"]) == [each.name for each in find(endpoint_id).fields]
    for name, fact in facts["properties"].items():
        ours = schema["properties"][name]
        for word in ("type", "default", "maximum", "minItems", "maxItems"):
            if word in fact:
                assert ours[word] == fact[word], (name, word)
        assert sorted(ours.get("enum", [])) == sorted(fact.get("enum", []))
        if "pattern" in fact:
            assert ours["format"] == "uuid"


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_what_a_form_orders_is_valid_input_of_the_api(endpoint_id: str, world: World):
    data = QueryDict(mutable=True)
    for name, value in (fields(endpoint_id) | upload_ids(endpoint_id, world.alice)).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    ordered = GenerationForm(find(endpoint_id), world.alice, data)
    assert ordered.is_valid()
    Draft202012Validator(input_schema(find(endpoint_id))).validate(ordered.fal_input())
    again = from_api(endpoint_id, world.alice, ordered.fal_input())
    assert again.is_valid()
    assert again.fal_input() == ordered.fal_input()


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_what_the_api_leaves_out_is_fals_default(endpoint_id: str, world: World):
    given: dict[str, Any] = {"prompt": "A pier in fog"}
    for name, keys in upload_ids(endpoint_id, world.alice).items():
        parameter = name.removesuffix("_upload")
        given[parameter] = keys if parameter == "image_urls" else keys[0]
    short = from_api(endpoint_id, world.alice, given)
    assert short.is_valid()
    defaults = {
        name: fact["default"] for name, fact in FACTS[endpoint_id]["properties"].items() if "default" in fact
    }
    assert short.fal_input() == given | defaults


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"prompt": 7}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"duration": 8}, "duration"),
        ({"generate_audio": "false"}, "generate_audio"),
        ({"generate_audio": 0}, "generate_audio"),
        ({"seed": "7"}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"webhook_url": "https://elsewhere.example"}, "webhook_url"),
        ({"Prompt": "a"}, "Prompt"),
    ],
)
def test_unknown_names_and_other_json_types_are_named(given: dict[str, Any], wrong: str):
    assert list(form_data(find(TEXT), {"prompt": "a"} | given)[1]) == [wrong]


@pytest.mark.parametrize("given", [{"image_urls": "one"}, {"image_urls": [1]}, {"image_urls": [["a"]]}])
def test_references_are_a_list_of_texts(given: dict[str, Any]):
    assert list(form_data(find(REFERENCES), given)[1]) == ["image_urls"]


def test_null_is_the_same_as_left_out():
    given, _ = form_data(find(KLING), {"prompt": "a", "cfg_scale": None})
    assert given["cfg_scale"] == 0.5


def test_values_of_older_pages_are_in_the_schema_only_when_switched_on():
    def ratios(**options: bool) -> list[str]:
        found: list[str] = input_schema(find(FAST_IMAGE), **options)["properties"]["aspect_ratio"]["enum"]
        return found

    assert "1:1" not in ratios()
    assert "1:1" in ratios(older_choices=True)
    assert input_schema(find(IMAGE), older_choices=True) == input_schema(find(IMAGE))


def test_the_committed_docs_are_current():
    page = Path(settings.BASE_DIR) / "docs" / "endpoints.md"
    assert page.read_text(encoding="utf-8") == document(), "run: manage.py document_endpoints"


def test_the_docs_name_every_endpoint_and_every_parameter():
    page = document()
    for endpoint_id, facts in FACTS.items():
        assert f"`{endpoint_id}`" in page
        assert all(f"| `{name}` |" in page for name in facts["properties"])
