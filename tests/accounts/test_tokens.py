"""The page of tokens: shown once, acts as its maker, revoked at once; and the command."""

import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import tokens
from accounts.adapter import settle_in
from accounts.models import ApiToken, AuditEvent, Budget, Membership, Role, Scope, Wallet
from accounts.models.tokens import digest_of
from tests.world import World

ADDRESS = "/team/tokens/"
SECRET = re.compile(r"dl_[A-Za-z0-9_-]{43}")


def wanted(**changes: Any) -> dict[str, Any]:
    return {"key": str(uuid.uuid4()), "name": "Nightly", "scopes": Scope.values, "life": "90"} | changes


def test_a_token_is_shown_once_and_only_its_digest_is_kept(client_of: Any, world: World):
    alice = client_of("alice")
    response = alice.post(ADDRESS, wanted())
    assert response.status_code == 201
    assert "no-store" in response["Cache-Control"]
    (secret,) = set(SECRET.findall(response.content.decode()))
    made = ApiToken.objects.get()
    assert (made.digest, made.prefix) == (digest_of(secret), secret[:9])
    assert (made.user, made.workspace, made.scopes) == (world.alice.user, world.alice.workspace, Scope.values)
    assert made.expires_at
    assert timedelta(days=89) < made.expires_at - timezone.now() <= timedelta(days=90)
    again = alice.get(ADDRESS).content.decode()
    assert not SECRET.search(again)
    assert made.prefix in again
    assert Client().get("/api/v1/credits", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_the_form_sent_twice_makes_one(client_of: Any):
    alice, form = client_of("alice"), wanted()
    assert alice.post(ADDRESS, form).status_code == 201
    again = alice.post(ADDRESS, form)
    assert again.status_code == 409
    assert not SECRET.search(again.content.decode())
    assert client_of("eve").post(ADDRESS, form).status_code == 409
    assert ApiToken.objects.count() == 1
    assert AuditEvent.objects.filter(verb="token.created").count() == 1


def test_making_and_revoking_are_written_down(client_of: Any, world: World):
    alice = client_of("alice")
    alice.post(ADDRESS, wanted(monthly="500"))
    made = ApiToken.objects.get()
    assert alice.post(reverse("accounts:token_revoke", args=[made.pk])).status_code == 302
    alice.post(reverse("accounts:token_revoke", args=[made.pk]))
    created, revoked = AuditEvent.objects.filter(object=f"apitoken:{made.pk}").order_by("pk")
    assert (created.verb, revoked.verb) == ("token.created", "token.revoked")
    assert created.after
    assert created.after["monthly"] == 500
    assert {created.actor, revoked.actor} == {world.alice.user}
    assert created.workspace == world.alice.workspace
    assert made.digest not in str([created.after, revoked.before])


def test_a_monthly_limit_holds_for_the_token_and_for_nobody_else(world: World):
    from tests.api.programs import Program, is_problem  # noqa: PLC0415 - the API's own words

    limited = Program.of(world.bob, monthly=45)
    assert Wallet.objects.get(workspace=world.bob.workspace).budgeted
    first = limited.create()
    cost = first.json()["cost"]
    assert Budget.objects.get().used == cost
    Budget.objects.update(most=cost)
    assert is_problem(limited.create(), 402)
    assert Program.of(world.bob).create().status_code == 201
    assert Budget.objects.get().used == cost


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"life": "7000"}, "life"),
        ({"monthly": "-1"}, "monthly"),
        ({"monthly": "1.5"}, "monthly"),
        ({"key": "x"}, "key"),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(client_of: Any, changes: dict[str, Any], wrong: str):
    response = client_of("alice").post(ADDRESS, wanted(**{"monthly": "77", **changes}))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [wrong]
    assert wrong == "monthly" or 'value="77"' in response.content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_does_not_lead_has_no_tokens(client_of: Any, world: World, name: str):
    token, _ = tokens.make(world.alice, "Hers", Scope.values)
    person = client_of(name)
    assert person.get(ADDRESS).status_code == 403
    assert person.post(ADDRESS, wanted()).status_code == 403
    assert person.post(reverse("accounts:token_revoke", args=[token.pk])).status_code == 403
    assert ApiToken.objects.get().is_live()


def test_a_strangers_token_is_neither_seen_nor_revoked(client_of: Any, world: World):
    token, _ = tokens.make(world.alice, "Hers alone", Scope.values)
    eve = client_of("eve")
    assert "Hers alone" not in eve.get(ADDRESS).content.decode()
    assert eve.post(reverse("accounts:token_revoke", args=[token.pk])).status_code == 404
    assert ApiToken.objects.get().is_live()


def test_nothing_changes_without_the_forms_token_or_by_get(client_of: Any, world: World):
    token, _ = tokens.make(world.alice, "Hers", Scope.values)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.alice.user)
    address = reverse("accounts:token_revoke", args=[token.pk])
    assert strict.post(ADDRESS, wanted()).status_code == 403
    assert strict.post(address).status_code == 403
    assert client_of("alice").get(address).status_code == 405
    assert ApiToken.objects.get().is_live()


def test_the_page_costs_the_same_with_10_and_200_tokens(client_of: Any, world: World):
    alice = client_of("alice")

    def more(count: int) -> int:
        for number in range(count):
            tokens.make(world.alice, f"Number {number}", Scope.values, monthly=5)
        with CaptureQueriesContext(connection) as known:
            assert alice.get(ADDRESS).status_code == 200
        return len(known)

    alice.get(ADDRESS)
    assert more(10) == more(190)


def test_many_tokens_are_read_page_by_page(client_of: Any, world: World):
    for number in range(120):
        tokens.make(world.alice, f"Number {number}", Scope.values)
    alice, address, seen = client_of("alice"), ADDRESS, []
    while address:
        response = alice.get(address)
        seen += [each.name for each in response.context["tokens"]]
        address = f"{ADDRESS}?after={response.context['next']}" if response.context["next"] else ""
    assert seen == [f"Number {number}" for number in reversed(range(120))]
    assert alice.get(f"{ADDRESS}?after=forged").status_code == 200


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_api_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_token_and_nothing_else(world: World):
    told = printed("ALICE@example.com")
    assert SECRET.fullmatch(told.removesuffix("\n"))
    made = ApiToken.objects.get()
    assert (made.digest, made.scopes, made.expires_at) == (digest_of(told.strip()), Scope.values, None)
    event = AuditEvent.objects.get(verb="token.created")
    assert (event.actor, event.acting_as, event.workspace) == (None, "operator", world.alice.workspace)


def test_the_command_takes_the_personal_workspace_unless_one_is_named(world: World):
    own = settle_in(world.alice.user)
    printed("alice@example.com", "--name", "Mine")
    printed("alice@example.com", "--workspace", str(world.alice.workspace.pk))
    assert {each.name: each.workspace for each in ApiToken.objects.all()} == {
        "Mine": own,
        "Made by the command": world.alice.workspace,
    }


@pytest.mark.parametrize("arguments", [["nobody@example.com"], ["alice@example.com", "--workspace", "{eve}"]])
def test_the_command_refuses_who_is_no_member(world: World, arguments: list[str]):
    with pytest.raises(CommandError):
        printed(*(each.format(eve=world.eve.workspace.pk) for each in arguments))
    Membership.objects.filter(user=world.alice.user).update(suspended_at=timezone.now())
    with pytest.raises(CommandError):
        printed("alice@example.com")
    assert not ApiToken.objects.exists()


def test_a_token_is_as_able_as_its_maker_is_now(client_of: Any, world: World):
    client_of("alice").post(ADDRESS, wanted(life=""))
    Membership.objects.filter(user=world.alice.user).update(role=Role.VIEWER)
    assert client_of("alice").get(ADDRESS).status_code == 403
    assert ApiToken.objects.get().expires_at is None
