"""What a program can do: each call, its answers and its refusals."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEvent, Scope, Wallet
from generations import orders
from generations.catalogue import CATALOGUE
from generations.models import EndpointSwitch, Generation, State
from tests.api.programs import ROOT, WISH, Program, is_problem
from tests.clips import finished, storing
from tests.world import LITE, World, order, picture, upload, video

IMAGE = "fal-ai/veo3.1/lite/image-to-video"


def test_the_catalogue_is_listed_and_each_entry_described(world: World):
    program = Program.of(world.alice, Scope.CREDITS)
    told = program.get("/endpoints").json()
    assert [each["id"] for each in told["data"]] == list(CATALOGUE)
    for key in CATALOGUE:
        one = program.get(f"/endpoints/{key}").json()
        assert one["input"]["additionalProperties"] is False
        assert one["price"]["unit"] in ("second", "base_plus_seconds")
    assert is_problem(program.get("/endpoints/fal-ai/none"), 404, "not-found")


@pytest.mark.parametrize("path", ["/", "/none", "/endpoints/none%0A", "/generations/%0A", "/%0Anone", "//"])
def test_an_address_that_is_none_is_answered_in_the_api_s_format(world: World, path: str):
    assert is_problem(Program.of(world.alice).get(path), 404, "not-found")


def test_a_switched_off_endpoint_says_so_and_refuses(world: World):
    EndpointSwitch.objects.create(endpoint=LITE, on_sale=False, note="Repairs.")
    program = Program.of(world.alice)
    assert program.get(f"/endpoints/{LITE}").json()["on_sale"] is False
    assert is_problem(program.create(), 409, "off-sale")


def test_a_quote_is_what_the_clip_then_costs(world: World):
    program = Program.of(world.alice)
    quote = program.post("/quotes", WISH).json()
    assert set(quote) == {"endpoint", "cost", "lines"}
    assert sum(float(line["credits"]) for line in quote["lines"]) <= quote["cost"]
    made = program.create().json()
    assert (made["cost"], made["held"], made["charged"]) == (quote["cost"], quote["cost"], 0)


def test_a_quote_needs_only_what_decides_the_price(world: World):
    program = Program.of(world.alice)
    assert program.post("/quotes", {"endpoint": IMAGE, "input": {"duration": "4s"}}).status_code == 200
    wrong = program.post("/quotes", {"endpoint": IMAGE, "input": {"duration": "5s", "sound": True}})
    assert is_problem(wrong, 422, "invalid")
    assert set(wrong.json()["errors"]) == {"duration", "sound"}


def test_a_generation_is_created_shown_listed_and_written_down(world: World):
    program = Program.of(world.alice)
    response = program.create()
    made = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"{ROOT}/generations/{made['id']}"
    assert list(made) == [
        "id", "endpoint", "input", "state", "cost", "held", "charged",
        "video_url", "error", "created_at", "finished_at",
    ]  # fmt: skip
    assert (made["state"], made["video_url"], made["error"]) == ("queued", None, None)
    assert made["input"]["prompt"] == WISH["input"]["prompt"]
    one = program.get(f"/generations/{made['id']}").json()
    assert one == made
    assert [each["id"] for each in program.get("/generations").json()["data"]] == [made["id"]]
    row = Generation.objects.get()
    assert row.hold
    assert program.token
    assert (row.author, row.hold.token, row.hold.spender) == (
        world.alice.user, program.token, world.alice.user,
    )  # fmt: skip
    event = AuditEvent.objects.get(verb="generation.created")
    assert event.acting_as == f"token {program.token.prefix}"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, {"prompt"}),
        ({"prompt": ""}, {"prompt"}),
        ({"prompt": "a", "duration": "5s"}, {"duration"}),
        ({"prompt": "a", "duration": 4}, {"duration"}),
        ({"prompt": "a", "webhook_url": "https://elsewhere.example"}, {"webhook_url"}),
        ({"prompt": "a\u0000"}, {"prompt"}),
        ({"prompt": "\ud800"}, {"prompt"}),
        ({"prompt": "a", "seed": 10**40}, {"seed"}),
        ({"duration": "x", "\u0000": 1, "\ud800": 2}, {"prompt", "duration", "\u0000", "\ud800"}),
    ],
)
def test_invalid_input_is_named_under_fals_parameter_names(world: World, given: Any, wrong: set[str]):
    response = Program.of(world.alice).post("/generations", {"endpoint": LITE, "input": given})
    assert is_problem(response, 422, "invalid")
    assert set(response.json()["errors"]) == wrong
    assert not Generation.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[" * 100_000, 400),
        ("[]", 400),
        ('"x"', 400),
        ("5", 400),
        ("null", 400),
        ('{"endpoint": 1, "input": {}}', 422),
        ('{"endpoint": "none", "input": {}}', 422),
        ('{"endpoint": "fal-ai/veo3.1/lite", "input": []}', 422),
        ('{"endpoint": "fal-ai/veo3.1/lite", "input": {"prompt": "a"}, "takes": 4}', 422),
        ('{"endpoint": "fal-ai/veo3.1/lite", "input": {"prompt": "a", "seed": 1' + "0" * 5000 + "}}", 400),
        (b"\xff\xfe", 400),
        ('{"endpoint": "fal-ai/veo3.1/lite", "input": {"prompt": "' + "a" * 1_100_000 + '"}}', 413),
    ],
    ids=range(14),
)
def test_whatever_body_comes_it_is_no_fault_of_ours(world: World, body: Any, status: int):
    response = Program.of(world.alice).post("/generations", body)
    assert is_problem(response, status, {400: "malformed", 422: "invalid", 413: "too-large"}[status])
    assert "wish" not in response.json().get("errors", {})


@pytest.mark.parametrize("path", ["/generations", "/quotes"])
def test_a_value_of_a_wrong_type_is_told_just_that(world: World, path: str):
    wish: dict[str, Any] = {"endpoint": LITE, "input": {"prompt": 5, "duration": 4, "aspect_ratio": ["16:9"]}}
    response = Program.of(world.alice).post(path, wish)
    assert is_problem(response, 422, "invalid")
    assert response.json()["errors"] == {name: ["Must be a JSON string."] for name in wish["input"]}


@pytest.mark.parametrize(
    "number", [10**400, -(10**400), float("nan"), float("inf"), True, "0.5"], ids=range(6)
)
def test_numbers_beyond_measure_are_invalid(world: World, number: Any):
    kling = next(key for key in CATALOGUE if "kling" in key)
    wish = {"endpoint": kling, "input": {"prompt": "a", "cfg_scale": number}}
    response = Program.of(world.alice).post("/quotes", wish)
    assert is_problem(response, 422)
    assert set(response.json()["errors"]) == {"cfg_scale"}


def test_not_enough_credits_is_402_and_leaves_nothing(db: None):
    world = World.make(funds=1)
    response = Program.of(world.alice).create()
    assert is_problem(response, 402, "not-enough-credits")
    assert not Generation.objects.exists()
    assert Wallet.objects.get(workspace=world.alice.workspace).held == 0


def test_a_file_becomes_an_input(world: World):
    program = Program.of(world.alice)
    response = program.send("/uploads", file=SimpleUploadedFile("shot.png", picture()))
    sent = response.json()
    assert (response.status_code, sent["kind"], sent["width"]) == (201, "image", 1280)
    again = program.send("/uploads", file=SimpleUploadedFile("other.png", picture()))
    assert again.json()["id"] == sent["id"]
    wish = {"endpoint": IMAGE, "input": {"prompt": "a", "image_url": sent["id"]}}
    assert program.post("/generations", wish).status_code == 201
    movie = program.send("/uploads", file=SimpleUploadedFile("shot.mp4", video()))
    assert movie.json()["kind"] == "video"
    wrong = program.post("/generations", wish | {"input": {"prompt": "a", "image_url": movie.json()["id"]}})
    assert set(wrong.json()["errors"]) == {"image_url"}


def test_a_large_video_may_come_with_a_token_but_not_without(world: World):
    large = SimpleUploadedFile("big.mp4", b"\0\0\0\x20ftypisom" + b"\0" * 1_500_000)
    assert is_problem(Program.of(world.alice).send("/uploads", file=large), 422, "invalid")
    large.seek(0)
    assert is_problem(Program(None, "dl_no").send("/uploads", file=large), 401)


@pytest.mark.parametrize("fields", [{}, {"file": "text"}, {"generation": "x"}])
def test_an_upload_without_a_file_is_invalid(world: World, fields: dict[str, Any]):
    assert is_problem(Program.of(world.alice).send("/uploads", **fields), 422, "invalid")


def test_files_of_other_kinds_are_refused_at_the_file(world: World):
    program = Program.of(world.alice)
    for content in (b"", b"GIF89a" + b"0" * 40, b"%PDF-1.4"):
        response = program.send("/uploads", file=SimpleUploadedFile("x.png", content))
        assert is_problem(response, 422, "invalid")
        assert set(response.json()["errors"]) == {"file"}
    assert is_problem(program.post("/uploads", {"file": "x"}), 415, "wrong-content-type")


def test_a_clip_may_be_taken_over_as_an_input(world: World):
    done = finished(world)
    program = Program.of(world.bob)
    response = program.send("/uploads", generation=str(done.pk))
    assert (response.status_code, response.json()["kind"]) == (201, "video")
    stranger = Program.of(world.eve).send("/uploads", generation=str(done.pk))
    assert is_problem(stranger, 422, "invalid")


def test_cancelling_is_free_while_it_waits_and_says_when_it_is_too_late(world: World):
    program = Program.of(world.alice)
    made = program.create().json()
    address = f"/generations/{made['id']}/cancel"
    first, second = program.post(address), program.post(address)
    assert (first.status_code, first.json()["state"], first.json()["held"]) == (200, "cancelled", 0)
    assert first.json()["error"]["reason"] == "cancelled"
    assert (second.status_code, second.json()) == (200, first.json())
    assert AuditEvent.objects.filter(verb="generation.cancel").count() == 1
    assert is_problem(program.post(f"/generations/{finished(world).pk}/cancel"), 409, "ended")
    with_fal = orders.place(world.alice, order(world.alice))[0]
    storing(with_fal)
    assert is_problem(program.post(f"/generations/{with_fal.pk}/cancel"), 409, "ended")
    sent = orders.place(world.alice, order(world.alice))[0]
    sent.claim(State.SUBMITTING, seconds=60, cause="test")
    assert program.post(f"/generations/{sent.pk}/cancel").status_code == 202
    sent.refresh_from_db()
    assert sent.cancel_requested_at


def test_the_video_comes_whole_or_in_pieces(world: World):
    program, done = Program.of(world.bob, Scope.READ), finished(world)
    told = program.get(f"/generations/{done.pk}").json()
    assert told["charged"] == done.cost
    path = told["video_url"].partition(ROOT)[2]
    assert program.get(path).getvalue() == b"0123456789"
    part = program.get(path, Range="bytes=2-4")
    assert (part.status_code, part.getvalue(), part["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    beyond = program.get(path, Range="bytes=10-")
    assert is_problem(beyond, 416, "out-of-range")
    assert beyond["Content-Range"] == "bytes */10"
    unfinished = orders.place(world.alice, order(world.alice))[0]
    assert is_problem(program.get(f"/generations/{unfinished.pk}/video"), 409, "not-ready")


def test_an_order_over_a_budget_that_asks_is_accepted_and_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    # What `orders.place` answers for a parked order, made by hand.
    made = orders.place(world.alice, order(world.alice))[0]
    made.hold, made.state = None, State.AWAITING
    monkeypatch.setattr(orders, "place", lambda *_: [made])
    response = Program.of(world.alice).create()
    assert (response.status_code, response.json()["state"], response.json()["held"]) == (
        202, "awaiting_approval", 0,
    )  # fmt: skip


def test_credits_and_the_statement(world: World):
    program = Program.of(world.bob, Scope.CREDITS)
    done = finished(world)
    wallet = Wallet.objects.get(workspace=world.bob.workspace)
    assert program.get("/credits").json() == {
        "available": wallet.available, "held": 0, "posted": wallet.posted,
    }  # fmt: skip
    newest, oldest = program.get("/credits/ledger").json()["data"]
    assert (newest["kind"], newest["amount"], newest["generation"]) == ("capture", -done.cost, str(done.pk))
    assert (oldest["kind"], oldest["generation"]) == ("grant", None)


def test_uploads_of_a_colleague_may_be_used_and_a_strangers_may_not(world: World):
    kept = upload(world.alice)
    wish = {"endpoint": IMAGE, "input": {"prompt": "a", "image_url": str(kept.pk)}}
    assert Program.of(world.bob).post("/generations", wish).status_code == 201
    response = Program.of(world.eve).post("/generations", wish)
    assert is_problem(response, 422)
    assert set(response.json()["errors"]) == {"image_url"}


def test_the_trail_does_not_say_that_an_ended_clip_was_cancelled(world: World):
    program, done = Program.of(world.alice), finished(world)
    before = AuditEvent.objects.count()
    for _ in range(2):
        assert is_problem(program.post(f"/generations/{done.pk}/cancel"), 409, "ended")
    assert AuditEvent.objects.count() == before
