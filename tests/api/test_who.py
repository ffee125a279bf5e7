"""Who a token lets in, and what it lets them see: owner, colleague, stranger, nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken, Membership, Role, Scope
from generations import orders
from generations.api.bearer import actor_of
from generations.models import Generation, Visibility
from tests.api.programs import ROOT, STRANGER, WISH, Program, is_problem
from tests.clips import finished
from tests.generations.test_access import snapshot
from tests.world import World, order

NOWHERE = "00000000-0000-4000-8000-000000000000"
CALLS: dict[tuple[str, str], Scope | None] = {
    ("get", "/endpoints"): None,
    ("get", "/endpoints/fal-ai/veo3.1/lite"): None,
    ("post", "/quotes"): Scope.CREATE,
    ("post", "/uploads"): Scope.CREATE,
    ("post", "/generations"): Scope.CREATE,
    ("get", "/generations"): Scope.READ,
    ("get", "/generations/{id}"): Scope.READ,
    ("get", "/generations/{id}/video"): Scope.READ,
    ("post", "/generations/{id}/cancel"): Scope.CREATE,
    ("get", "/credits"): Scope.CREDITS,
    ("get", "/credits/ledger"): Scope.CREDITS,
}


def ask(program: Program, method: str, path: str, key: Any = NOWHERE) -> Any:
    """Any call, with a body that fits where one is needed."""
    path = path.format(id=key)
    return program.get(path) if method == "get" else program.post(path, WISH)


def kill_by(how: str, program: Program, world: World) -> None:
    """End what lets Bob's program in."""
    assert program.token
    token, bob = ApiToken.objects.filter(pk=program.token.pk), world.bob.user
    members = Membership.objects.filter(user=bob)
    {
        "revoked": lambda: token.update(revoked_at=timezone.now()),
        "expired": lambda: token.update(expires_at=timezone.now()),
        "suspended": lambda: members.update(suspended_at=timezone.now()),
        "removed": members.delete,
        "closed": lambda: type(world.bob.workspace).objects.update(closed_at=timezone.now()),
        "inactive": lambda: get_user_model().objects.filter(pk=bob.pk).update(is_active=False),
    }[how]()


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_a_valid_token_every_call_is_401(world: World, method: str, path: str):
    before = snapshot()
    for secret in ("", "dl_unknown", "x" * 5000, "dl_\xe9"):
        response = ask(Program(None, secret), method, path)
        assert is_problem(response, 401, "unauthorized")
        assert response["WWW-Authenticate"].startswith("Bearer")
    assert snapshot() == before


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic ZGw6eA==", "bearer  ", "dl_x"])
def test_odd_headers_are_no_token(world: World, header: str):
    response = Client().get(f"{ROOT}/credits", headers={"Authorization": header})
    assert is_problem(response, 401)


@pytest.mark.parametrize("how", ["revoked", "expired", "suspended", "removed", "closed", "inactive"])
def test_a_token_dies_on_the_next_request(world: World, how: str):
    program = Program.of(world.bob)
    assert program.get("/credits").status_code == 200
    kill_by(how, program, world)
    assert is_problem(program.get("/credits"), 401, "unauthorized")
    assert is_problem(program.create(), 401)
    assert not Generation.objects.exists()


def test_a_demotion_counts_on_the_next_request(world: World):
    program = Program.of(world.bob)
    assert program.create().status_code == 201
    Membership.objects.filter(user=world.bob.user).update(role=Role.VIEWER)
    assert is_problem(program.create(), 403, "forbidden")
    assert program.get("/generations").status_code == 200


@pytest.mark.parametrize(("call", "scope"), CALLS.items())
def test_a_token_does_what_its_scopes_say(world: World, call: tuple[str, str], scope: Scope | None):
    done = finished(world)
    for held in Scope:
        response = ask(Program.of(world.alice, held), *call, key=done.pk)
        for close in response._resource_closers:  # close() itself would also end the test's transaction
            close()
        if scope in (None, held):
            assert response.status_code in (200, 201, 409, 415)
        else:
            assert is_problem(response, 403, "forbidden")
            assert scope.value in response.json()["detail"]


def test_a_viewers_token_creates_nothing(world: World):
    program = Program.of(world.vera)
    assert is_problem(program.create(), 403, "forbidden")
    assert is_problem(program.post("/quotes", WISH), 403)
    assert program.get("/credits").status_code == 200


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if "{id}" in call[1]])
def test_what_is_not_yours_is_404_and_stays_as_it_was(world: World, method: str, path: str):
    done = finished(world)
    before = snapshot()
    assert is_problem(ask(Program.of(world.eve), method, path, done.pk), 404, "not-found")
    assert is_problem(ask(Program.of(world.eve), method, path), 404, "not-found")
    assert snapshot() == before


def test_two_workspaces_see_two_worlds(world: World):
    mine, theirs = Program.of(world.alice), Program.of(world.eve)
    finished(world)
    assert len(mine.get("/generations").json()["data"]) == 1
    assert theirs.get("/generations").json() == {"data": [], "next": None}
    assert len(mine.get("/credits/ledger").json()["data"]) == 2
    assert [each["kind"] for each in theirs.get("/credits/ledger").json()["data"]] == ["grant"]


def test_a_cursor_of_another_workspace_shows_nothing_of_it(world: World):
    for _ in range(3):
        finished(world)
    mine, theirs = Program.of(world.alice), Program.of(world.eve)
    cursor = mine.get("/generations", {"limit": 1}).json()["next"]
    assert theirs.get("/generations", {"after": cursor}).json()["data"] == []
    assert is_problem(mine.get("/credits/ledger", {"after": cursor}), 422, "invalid")


def test_a_colleagues_private_clip_is_404(world: World):
    private = finished(world)
    Generation.objects.filter(pk=private.pk).update(visibility=Visibility.PRIVATE)
    assert Program.of(world.alice).get(f"/generations/{private.pk}").status_code == 200
    bob = Program.of(world.bob)
    for path in ("", "/video"):
        assert is_problem(bob.get(f"/generations/{private.pk}{path}"), 404)
    assert is_problem(bob.post(f"/generations/{private.pk}/cancel"), 404)
    assert bob.get("/generations").json()["data"] == []


def test_a_colleagues_clip_is_cancelled_by_leads_only(world: World):
    made = orders.place(world.alice, order(world.alice))[0]
    assert is_problem(Program.of(world.bob).post(f"/generations/{made.pk}/cancel"), 403, "forbidden")
    made = orders.place(world.bob, order(world.bob))[0]
    blind = Program.of(world.alice, Scope.CREATE)  # the answer would tell it what it may not read
    assert is_problem(blind.post(f"/generations/{made.pk}/cancel"), 403, "forbidden")
    assert Program.of(world.alice).post(f"/generations/{made.pk}/cancel").status_code == 200


def test_a_session_is_no_token(world: World, client_of: Any):
    assert is_problem(client_of("alice").get(f"{ROOT}/credits"), 401)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.alice.user)
    assert is_problem(strict.post(f"{ROOT}/generations", WISH, content_type="application/json"), 401)


def test_a_token_works_in_its_own_workspace_whatever_the_address_says(world: World):
    program = Program.of(world.alice)
    header = {"Authorization": f"Bearer {program.secret}"}
    own, other = world.alice.workspace.pk, world.eve.workspace.pk
    assert Client().get(f"/w/{own}{ROOT}/credits", headers=header).status_code == 200
    assert Client().get(f"/w/{other}{ROOT}/credits", headers=header).status_code == 401


def test_who_asks_is_one_query_and_noted_once_a_minute(world: World):
    program = Program.of(world.alice)
    with CaptureQueriesContext(
        connection,
    ) as known:
        actor = actor_of(program.secret)
        assert actor
        assert (actor.user, actor.workspace.wallet.available, actor.role) == (
            world.alice.user, 1000, Role.OWNER,
        )  # fmt: skip
    assert len(known) == 1
    program.get("/endpoints")
    first = ApiToken.objects.get().last_used_at
    assert first
    with CaptureQueriesContext(connection) as known:
        program.get("/endpoints")
    assert not [each for each in known if "UPDATE" in each["sql"]]
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    program.get("/endpoints")
    assert ApiToken.objects.filter(last_used_at__gt=first).exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "", 404),
        ("get", "nothing", 404),
        ("post", "generations/", 404),
        ("get", "generations/not-an-id", 404),
        ("put", "generations", 405),
        ("delete", f"generations/{NOWHERE}", 405),
        ("get", "quotes", 405),
        ("options", "credits", 405),
        ("post", "openapi.json", 405),
    ],
)
def test_unknown_addresses_and_methods_are_problems_too(db: None, method: str, path: str, status: int):
    response = getattr(Client(), method)(f"{ROOT}/{path}")
    assert is_problem(response, status)
    assert status != 405 or response["Allow"]


def test_head_is_get_without_a_body(world: World):
    program = Program.of(world.alice)
    response = Client().head(f"{ROOT}/credits", headers={"Authorization": f"Bearer {program.secret}"})
    assert (response.status_code, response.content) == (200, b"")


def test_nothing_of_the_api_is_kept_by_caches_but_its_description(world: World):
    program = Program.of(world.alice)
    assert "no-store" in program.get("/credits")["Cache-Control"]
    assert "no-store" in STRANGER.get("/credits")["Cache-Control"]
    description = Client().get(f"{ROOT}/openapi.json")
    assert (description.status_code, description.json()["openapi"]) == (200, "3.1.0")
    assert "public" in description["Cache-Control"]
