"""The create page, as a browser without JavaScript meets it."""

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Hold, Wallet
from generations.forms import GenerationForm
from generations.models import EndpointSwitch, Generation, Upload
from generations.orders import place
from tests.generations.composing import (
    EXTEND,
    FACTS,
    FRAMES,
    IMAGE,
    KLING,
    PROMPT,
    REFERENCES,
    TEXT,
    content,
    fields,
    files,
)
from tests.world import World, order, picture, upload

CREATE = reverse("generations:create")
QUOTE = reverse("generations:quote")
QUEUE = reverse("generations:queue")
PRICES = {TEXT: 40, IMAGE: 40, FRAMES: 120, EXTEND: 105, REFERENCES: 320, KLING: 21}  # as first shown


def kept_in(response: Any, name: str) -> list[str]:
    """The uploads that the page carries for a field: in its form, and in its HTML."""
    form: GenerationForm = response.context["form"]
    ids = [str(each.pk) for each in form.fields[name].kept]  # type: ignore[attr-defined]  # a media field
    page = response.content.decode()
    assert all(f'name="{name}_upload" value="{key}"' in page for key in ids)
    return ids


def nothing_was_charged(wallet: Wallet) -> bool:
    wallet.refresh_from_db()
    return (wallet.held, wallet.available) == (0, 1000) and not Generation.objects.exists()


# ── Who ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_viewer_may_neither_see_the_form_nor_send_it(client_of: Any, wallet: Wallet):
    viewer: Client = client_of("vera")
    page = viewer.get(CREATE)
    assert page.status_code == 403
    assert "Your role in Northlight is Viewer. It may watch and download clips" in page.content.decode()
    assert viewer.post(CREATE, fields(TEXT, quoted="40")).status_code == 403
    assert nothing_was_charged(wallet)


def test_nobody_creates_without_signing_in(db: None):
    response = Client().post(CREATE, fields(TEXT, quoted="40"))
    assert response.status_code == 302
    assert "login" in response["Location"]


# ── A first look ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("endpoint_id", FACTS)
def test_every_endpoint_has_a_page_with_its_own_fields_and_price(endpoint_id: str, client_of: Any):
    response = client_of("alice").get(CREATE, {"endpoint": endpoint_id})
    assert response.status_code == 200
    form = response.context["form"]
    assert {name for name, field in form.fields.items() if hasattr(field, "described")} == set(
        FACTS[endpoint_id]["properties"]
    )
    page = response.content.decode()
    for name in FACTS[endpoint_id]["properties"]:
        assert f'name="{name}"' in page, name
    assert response.context["quote"].total == PRICES.get(endpoint_id, response.context["quote"].total)


def test_the_page_of_a_model_that_was_never_there_is_the_first_one(client_of: Any):
    response = client_of("alice").get(CREATE, {"endpoint": "fal-ai/veo9", "mode": "x", "quality": "\0"})
    assert response.context["endpoint"].id == TEXT


def test_settings_of_an_earlier_clip_come_with_its_files_and_without_its_seed(world: World, client_of: Any):
    source = place(world.bob, order(world.bob, IMAGE, duration="4s", seed=7))[0]
    response = client_of("alice").get(CREATE, {"remix": str(source.pk)})
    form = response.context["form"]
    assert (form["duration"].value(), form["seed"].value()) == ("4s", None)
    assert kept_in(response, "image_url") == [source.input["image_url"]]
    assert str(form["remix_of"].value()) == str(source.pk)


def test_a_strangers_clip_lends_no_settings(world: World, client_of: Any):
    source = place(world.eve, order(world.eve, prompt="Our secret launch"))[0]
    for name in ("remix", "extend"):
        response = client_of("alice").get(CREATE, {name: str(source.pk)})
        assert "secret" not in response.content.decode()


# ── Sending ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("endpoint_id", [TEXT, IMAGE, FRAMES, REFERENCES, EXTEND, KLING])
def test_one_press_makes_one_generation_and_holds_its_price(endpoint_id: str, client_of: Any, wallet: Wallet):
    price = PRICES[endpoint_id]
    sent = fields(endpoint_id, quoted=str(price)) | files(endpoint_id)
    response = client_of("alice").post(CREATE, sent)
    assert (response.status_code, response["Location"]) == (302, QUEUE)
    made = Generation.objects.get()
    assert (made.endpoint, made.prompt, made.cost, made.state) == (endpoint_id, PROMPT, price, "queued")
    wallet.refresh_from_db()
    assert (wallet.held, wallet.available) == (price, 1000 - price)
    assert AuditEvent.objects.filter(verb="generation.created").count() == 1


@pytest.mark.both_databases
def test_a_double_click_the_back_button_and_a_retry_are_one_generation(client_of: Any, wallet: Wallet):
    browser: Client = client_of("alice")
    sent = fields(IMAGE, quoted="40")
    for _ in range(3):
        assert browser.post(CREATE, sent | files(IMAGE)).status_code == 302
    assert Generation.objects.count() == Hold.objects.count() == Upload.objects.count() == 1
    wallet.refresh_from_db()
    assert wallet.held == 40


def test_the_same_key_of_another_person_is_another_form(client_of: Any):
    sent = fields(TEXT, quoted="40")
    for name in ("alice", "bob"):
        assert client_of(name).post(CREATE, sent).status_code == 302
    assert Generation.objects.count() == 2


def test_other_contents_under_a_spent_key_are_refused_kept_and_given_a_new_key(
    client_of: Any, wallet: Wallet
):
    browser: Client = client_of("alice")
    sent = fields(IMAGE, quoted="40")
    browser.post(CREATE, sent | files(IMAGE))
    first = Upload.objects.get()
    other = sent | {
        "prompt": "Something else",
        "image_url": SimpleUploadedFile("b.png", picture(color="red")),
    }
    response = browser.post(CREATE, other)
    assert (response.status_code, response.context["refusal_kind"]) == (409, "KeyReused")
    form = response.context["form"]
    assert form["prompt"].value() == "Something else"
    (kept,) = kept_in(response, "image_url")
    assert kept != str(first.pk)
    wallet.refresh_from_db()
    assert (Generation.objects.count(), wallet.held) == (1, 40)
    again = fields(
        IMAGE, quoted="40", prompt="Something else", image_url_upload=kept, form_key=form["form_key"].value()
    )
    assert browser.post(CREATE, again).status_code == 302
    assert Generation.objects.count() == 2


@pytest.mark.both_databases
def test_several_takes_are_all_or_none(client_of: Any, wallet: Wallet):
    browser: Client = client_of("alice")
    refused = browser.post(CREATE, fields(REFERENCES, quoted="1280", takes="4") | files(REFERENCES))
    assert (refused.status_code, refused.context["refusal_kind"]) == (409, "NotEnough")
    assert nothing_was_charged(wallet)
    assert browser.post(CREATE, fields(TEXT, quoted="160", takes="4", seed="4294967294")).status_code == 302
    made = Generation.objects.order_by("take")
    assert [each.take for each in made] == [1, 2, 3, 4]
    assert [each.input["seed"] for each in made] == [4294967294, 4294967295, 0, 1]
    wallet.refresh_from_db()
    assert wallet.held == 160


# ── Refused, and nothing lost ───────────────────────────────────────────────────────────────────


def lost_nothing(response: Any, wallet: Wallet, kind: str, price: int) -> GenerationForm:
    """The refused page still has every value and the file, shows today's price, and charged nothing."""
    assert (response.status_code, response.context["refusal_kind"]) == (409, kind)
    assert nothing_was_charged(wallet)
    form: GenerationForm = response.context["form"]
    assert (form["prompt"].value(), form["duration"].value(), form["seed"].value()) == (PROMPT, "6s", "42")
    assert form["generate_audio"].value() is False
    assert kept_in(response, "image_url") == [str(Upload.objects.get().pk)]
    assert form["quoted"].value() == str(price) == str(response.context["quote"].total)
    assert not form.errors
    return form


def filled(**changes: Any) -> dict[str, Any]:
    """An image tab that somebody has worked on: 6 s, silent, with a seed, 18 credits."""
    worked_on = fields(IMAGE, quoted="18", duration="6s", seed="42", generate_audio=None)
    return worked_on | files(IMAGE) | changes


def test_a_price_that_changed_since_it_was_shown_is_asked_about_again(
    client_of: Any, wallet: Wallet, settings: Any
):
    browser: Client = client_of("alice")
    settings.CREDITS_MARKUP = "1.5"
    sent = filled()
    form = lost_nothing(browser.post(CREATE, sent), wallet, "PriceChanged", 27)
    again = fields(IMAGE, quoted=form["quoted"].value(), duration="6s", seed="42", generate_audio=None)
    again |= {"form_key": sent["form_key"], "image_url_upload": str(Upload.objects.get().pk)}
    assert browser.post(CREATE, again).status_code == 302
    assert Generation.objects.get().cost == 27


@pytest.mark.parametrize("quoted", ["0", "17", "19", "1800", "9" * 30])
def test_no_other_price_than_todays_is_accepted(quoted: str, client_of: Any, wallet: Wallet):
    lost_nothing(client_of("alice").post(CREATE, filled(quoted=quoted)), wallet, "PriceChanged", 18)


def test_a_model_that_was_switched_off_meanwhile_says_why(client_of: Any, wallet: Wallet):
    EndpointSwitch.objects.create(endpoint=IMAGE, on_sale=False, note="Back on Monday.")
    response = client_of("alice").post(CREATE, filled())
    lost_nothing(response, wallet, "OffSale", 18)
    assert response.content.decode().count("is switched off at the moment. Back on Monday.") == 1


def test_too_few_credits_say_how_many_there_are(world: World, client_of: Any, wallet: Wallet):
    sent = fields(REFERENCES, quoted="1280", takes="4") | files(REFERENCES)
    response = client_of("alice").post(CREATE, sent)
    assert (response.status_code, response.context["refusal_kind"]) == (409, "NotEnough")
    assert "1280" in response.context["refusal"]
    assert "1000" in response.context["refusal"]
    assert kept_in(response, "image_urls") == [str(Upload.objects.get().pk)]
    assert nothing_was_charged(wallet)


def test_a_page_of_a_model_that_is_gone_buys_nothing_else_instead(client_of: Any, wallet: Wallet):
    for endpoint in ("fal-ai/veo2", "", "\0"):
        response = client_of("alice").post(CREATE, fields(TEXT, quoted="40") | {"endpoint": endpoint})
        assert (response.status_code, response.context["refusal_kind"]) == (409, "OffSale")
        assert response.context["form"]["prompt"].value() == PROMPT
    assert nothing_was_charged(wallet)


# ── Invalid, and nothing lost ───────────────────────────────────────────────────────────────────


def test_what_was_uploaded_stays_when_a_value_was_wrong(client_of: Any, wallet: Wallet):
    response = client_of("alice").post(CREATE, filled(prompt=" ", duration="5s"))
    assert response.status_code == 422
    form = response.context["form"]
    assert set(form.errors) == {"prompt", "duration"}
    assert form["seed"].value() == "42"
    assert kept_in(response, "image_url") == [str(Upload.objects.get().pk)]
    assert nothing_was_charged(wallet)


def test_the_good_file_stays_when_the_other_was_bad_and_the_bad_one_is_named(client_of: Any):
    sent = fields(FRAMES, quoted="120") | {
        "first_frame_url": SimpleUploadedFile("dawn.png", content("image")),
        "last_frame_url": SimpleUploadedFile("dusk.gif", b"GIF89a"),
    }
    response = client_of("alice").post(CREATE, sent)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["last_frame_url"]
    assert "dusk.gif: Only JPEG, PNG and WebP pictures are accepted." in response.content.decode()
    assert kept_in(response, "first_frame_url") == [str(Upload.objects.get().pk)]


@pytest.mark.parametrize(
    "changes",
    [
        {"form_key": ""},
        {"form_key": "x"},
        {"quoted": ""},
        {"quoted": "free"},
        {"quoted": "-1"},
        {"takes": "9"},
        {"takes": ""},
        {"prompt": "a\0b"},
        {"seed": "1e9"},
        {"aspect_ratio": "1:1"},
        {"resolution": "4k"},
        {"generate_audio": "perhaps"},
        {"remix_of": "x"},
        {"parked": "\0"},
        {"image_url_upload": "x"},
        {"image_url_clip": str(uuid.uuid4())},
    ],
)
def test_odd_input_is_an_error_beside_its_field_and_never_a_crash(
    changes: dict[str, str], client_of: Any, wallet: Wallet
):
    response = client_of("alice").post(CREATE, filled(**changes))
    assert response.status_code == 422
    (name,) = response.context["form"].errors
    assert next(iter(changes)).startswith(name)
    assert response.context["form"].errors[name][0] in response.content.decode().replace("&#x27;", "'")
    assert nothing_was_charged(wallet)


def test_a_strangers_file_cannot_be_used(world: World, client_of: Any, wallet: Wallet):
    theirs = str(upload(world.eve).pk)
    response = client_of("alice").post(CREATE, fields(IMAGE, quoted="40", image_url_upload=theirs))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["image_url"]
    assert theirs not in response.content.decode()
    assert nothing_was_charged(wallet)


def test_a_soft_or_cropped_picture_is_said_and_not_refused(client_of: Any):
    small = SimpleUploadedFile("small.png", picture(400, 300))
    shown = client_of("alice").post(
        CREATE, fields(IMAGE, requote="1", aspect_ratio="9:16") | {"image_url": small}
    )
    assert shown.status_code == 200
    assert shown.context["warnings"]["image_url"] == [
        "400 × 300 is below 720p: the clip may look soft.",
        "About 58 % will be cut at the left and right to fit 9:16.",
    ]


# ── Looking around ──────────────────────────────────────────────────────────────────────────────


def test_another_tab_keeps_what_was_typed_and_picked_and_says_what_changed(client_of: Any, wallet: Wallet):
    sent = fields(IMAGE, duration="6s", resolution="1080p", generate_audio=None, to="frames/fast") | files(
        IMAGE
    )
    response = client_of("alice").post(CREATE, sent)
    assert (response.status_code, response.context["endpoint"].id) == (200, FRAMES)
    form = response.context["form"]
    assert (form["prompt"].value(), form["duration"].value(), form["resolution"].value()) == (
        PROMPT,
        "6s",
        "1080p",
    )
    assert form["generate_audio"].value() is False
    assert kept_in(response, "first_frame_url") == [str(Upload.objects.get().pk)]
    assert response.context["quote"].total == 60
    to_kling = client_of("alice").post(CREATE, fields(IMAGE, duration="6s", to="image/kling"))
    assert (
        "Length 6 s is not offered by Kling 2.5 Turbo Standard; it is now 5 s." in to_kling.context["notes"]
    )
    assert "it is now 5 s" in to_kling.content.decode()
    assert nothing_was_charged(wallet)


@pytest.mark.parametrize(
    "to", ["text/", "image/kling", "references/lite", "extend", "", "nonsense/best", "/", "\0/\0"]
)
def test_every_tab_can_be_pressed_from_an_empty_form(to: str, client_of: Any):
    assert client_of("alice").post(CREATE, {"endpoint": TEXT, "to": to}).status_code == 200


def test_the_price_follows_the_form_whatever_else_is_missing(client_of: Any, wallet: Wallet):
    browser: Client = client_of("alice")
    for changes, total in (
        ({}, 40),
        ({"duration": "4s", "generate_audio": None}, 12),
        ({"takes": "3"}, 120),
        ({"duration": "nonsense", "prompt": None, "form_key": None}, 40),
    ):
        response = browser.post(QUOTE, fields(TEXT, **changes))
        assert response.status_code == 200
        assert response.context["quote"].total == total
        assert response.context["after"] == 1000 - total
        assert f'name="quoted" value="{total}"' in response.content.decode()
    assert nothing_was_charged(wallet)


def test_a_price_is_only_asked_for_by_a_form(client_of: Any):
    assert client_of("alice").get(QUOTE).status_code == 405


def test_without_javascript_a_button_brings_the_new_price_and_keeps_everything(
    client_of: Any, wallet: Wallet
):
    response = client_of("alice").post(CREATE, filled(requote="1", quoted="40"))
    assert response.status_code == 200
    assert response.context["quote"].total == 18
    assert kept_in(response, "image_url") == [str(Upload.objects.get().pk)]
    assert nothing_was_charged(wallet)
