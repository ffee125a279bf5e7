"""Inputs that an endpoint does not take are refused at submit, in fal's words."""

import base64
import io
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fal_emulator.clips import Order, make
from fal_emulator.endpoints import ENDPOINTS, Endpoint, Field
from fal_emulator.pictures import Words
from fal_emulator.server import Emulator

from .conftest import LITE, Fal

ELSEWHERE = "https://example.com/media"
KLING = "/fal-ai/kling-video/v2.5-turbo/standard/image-to-video"
IMAGE = "/fal-ai/veo3.1/image-to-video"
REFERENCE = "/fal-ai/veo3.1/reference-to-video"
EXTEND = "/fal-ai/veo3.1/extend-video"


def sample(field: Field) -> object:
    return [ELSEWHERE] if field.kind == "images" else ELSEWHERE


def least(endpoint: Endpoint) -> dict[str, Any]:
    return {"prompt": "A cat [never]", **{field.name: sample(field) for field in endpoint.media}}


def faults(fal: Fal, path: str, given: object) -> list[tuple[str, str]]:
    """(place, type) of each entry of the refusal."""
    answer = fal.client.post(path, json=given)
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert all({"loc", "msg", "type", "url"} <= set(entry) for entry in detail)
    return [(".".join(map(str, entry["loc"])), entry["type"]) for entry in detail]


def fault(fal: Fal, path: str, **values: object) -> tuple[str, str]:
    [one] = faults(fal, path, {**least(ENDPOINTS[path.strip("/")]), **values})
    return one


def png(side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side)).save(buffer, "png")
    return buffer.getvalue()


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_each_field_of_each_endpoint_is_checked(emulator: Emulator, fal: Fal, endpoint: Endpoint) -> None:
    path, good = f"/{endpoint.id}", least(endpoint)
    wrong: dict[str, object] = {
        "string": 7,
        "boolean": "perhaps",
        "integer": "many",
        "number": "some",
        "image": 7,
        "images": 7,
        "video": 7,
    }
    for field in endpoint.fields:
        expected = "one_of" if field.choices else None
        given = {**good, field.name: wrong[field.kind]}
        [(place, kind)] = faults(fal, path, given)
        assert place == f"body.{field.name}"
        assert expected in (None, kind)
        if field.required:
            without = {name: value for name, value in good.items() if name != field.name}
            assert faults(fal, path, without) == [(f"body.{field.name}", "missing")]
        for choice in field.choices:
            assert fal.client.post(path, json={**good, field.name: choice}).status_code == 200
    journal = emulator.journal()
    assert len(journal) == sum(len(field.choices) for field in endpoint.fields)


def test_defaults_are_filled_in_as_documented(emulator: Emulator, fal: Fal) -> None:
    assert fal.client.post(LITE, json={"prompt": "A cat [never]"}).status_code == 200
    assert emulator.journal()[0]["values"] == {
        "prompt": "A cat [never]",
        "aspect_ratio": "16:9",
        "duration": "8s",
        "resolution": "720p",
        "negative_prompt": None,
        "generate_audio": True,
        "seed": None,
        "auto_fix": True,
        "safety_tolerance": "4",
    }


def test_unknown_fields_are_ignored_but_remembered(emulator: Emulator, fal: Fal) -> None:
    fal.submit("A cat [never]", colour="red")
    [line] = emulator.journal()
    assert line["input"]["colour"] == "red"
    assert "colour" not in line["values"]


@pytest.mark.parametrize("duration", [8, "8", "5s", None, ["8s"]])
def test_a_duration_is_one_of_the_listed_strings(fal: Fal, duration: object) -> None:
    answer = fal.post("A cat", duration=duration)
    [entry] = answer.json()["detail"]
    assert (entry["type"], entry["loc"]) == ("one_of", ["body", "duration"])
    assert entry["ctx"] == {"expected": ["4s", "6s", "8s"]}


def test_several_faults_are_told_together(fal: Fal) -> None:
    assert faults(fal, LITE, {"duration": 8, "resolution": "4k"}) == [
        ("body.prompt", "missing"),
        ("body.duration", "one_of"),
        ("body.resolution", "one_of"),
    ]


def test_a_body_that_is_not_an_object_is_refused(fal: Fal) -> None:
    assert faults(fal, LITE, ["A cat"]) == [("body", "dict_type")]
    answer = fal.client.post(LITE, content=b"{", headers={"Content-Type": "application/json"})
    assert answer.json()["detail"][0]["type"] == "json_invalid"


def test_numbers_keep_to_their_limits(fal: Fal) -> None:
    assert fault(fal, KLING, cfg_scale=1.1) == ("body.cfg_scale", "less_than_equal")
    assert fault(fal, KLING, cfg_scale=-0.1) == ("body.cfg_scale", "greater_than_equal")
    assert fault(fal, LITE, seed=1.5) == ("body.seed", "int_from_float")


def test_values_are_converted_where_fal_converts_them(emulator: Emulator, fal: Fal) -> None:
    fal.submit("A cat [never]", seed="42", generate_audio="false", auto_fix=1, negative_prompt=None)
    values = emulator.journal()[0]["values"]
    assert (values["seed"], values["generate_audio"], values["auto_fix"]) == (42, False, True)


def test_a_list_of_pictures_has_one_to_three(fal: Fal) -> None:
    place = "body.image_urls"
    assert fault(fal, REFERENCE, image_urls=[]) == (place, "sequence_too_short")
    assert fault(fal, REFERENCE, image_urls=[ELSEWHERE] * 4) == (place, "sequence_too_long")
    assert fault(fal, REFERENCE, image_urls=[ELSEWHERE, "x"]) == (f"{place}.1", "file_download_error")


@pytest.mark.parametrize("url", ["picture.png", "ftp://example.com/x", "data:nothing", ""])
def test_media_that_nobody_can_fetch_are_refused(fal: Fal, url: str) -> None:
    assert fault(fal, IMAGE, image_url=url) == ("body.image_url", "file_download_error")


def test_one_of_our_own_files_must_exist(emulator: Emulator, fal: Fal) -> None:
    missing = f"{emulator.url}/files/abcdefghijklmnopqrstuv/in.png"
    assert fault(fal, IMAGE, image_url=missing) == ("body.image_url", "file_download_error")
    there = fal.upload(png())
    assert fal.post("A cat [never]", IMAGE, image_url=there).status_code == 200


def test_pictures_have_a_largest_size_and_must_be_pictures(fal: Fal) -> None:
    noise = random.Random(1).randbytes(8_000_001)
    assert fault(fal, IMAGE, image_url=fal.upload(noise)) == ("body.image_url", "file_too_large")
    assert fault(fal, KLING, image_url=fal.upload(noise))[1] == "image_load_error"
    assert fault(fal, IMAGE, image_url=fal.upload(b"no picture"))[1] == "image_load_error"


def test_a_picture_may_come_as_data(fal: Fal) -> None:
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    assert fal.post("A cat [never]", IMAGE, image_url=url).status_code == 200
    assert fault(fal, IMAGE, image_url="data:image/png;base64,****")[1] == "file_download_error"


def test_a_video_to_extend_is_at_most_eight_seconds_long(fal: Fal, tmp_path: Path) -> None:
    for seconds, expected in ((8.0, None), (15.0, "video_duration_too_long")):
        order = Order(64, 36, seconds, audio=False, key="", words=Words("", "", ()))
        make(order, tmp_path / "clip.mp4", lambda: False)
        url = fal.upload((tmp_path / "clip.mp4").read_bytes(), "clip.mp4", "video/mp4")
        answer = fal.post("On it goes [never]", EXTEND, video_url=url)
        kinds = [entry["type"] for entry in answer.json().get("detail", [])]
        assert kinds == ([expected] if expected else [])
    text = fal.upload(b"no video", "x.mp4", "video/mp4")
    assert fault(fal, EXTEND, video_url=text)[1] == "unsupported_video_format"
