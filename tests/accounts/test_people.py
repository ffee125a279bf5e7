"""Sign-up, welcome credits, workspaces, roles and the commands of an operator."""

import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.adapter import settle_in, welcome
from accounts.models import (
    AuditEvent,
    LedgerEntry,
    Membership,
    Role,
    User,
    Wallet,
    Workspace,
    open_workspace,
)
from accounts.policy import POLICY, Action
from tests import factors
from tests.world import PASSWORD, World

NEW = {"first_name": "Grace", "email": "Grace@Example.com", "password1": PASSWORD}


@pytest.fixture(autouse=True)
def _no_limits_from_other_tests() -> None:
    cache.clear()


def sign_up(client: Client, **changes: str) -> Any:
    return client.post(reverse("account_signup"), NEW | changes)


def confirm(client: Client) -> None:
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    client.post(link[0])


@pytest.mark.django_db
def test_signing_up_makes_a_workspace_and_proving_the_address_earns_credits_once(
    client: Client, settings: Any
) -> None:
    sign_up(client)
    wallet = Wallet.objects.get(workspace__memberships__user__email="grace@example.com")
    assert (wallet.posted, wallet.workspace.personal) == (0, True)
    confirm(client)
    confirm(client)
    wallet.refresh_from_db()
    assert wallet.posted == settings.WELCOME_CREDITS
    assert welcome(User.objects.get()) is None
    assert LedgerEntry.objects.count() == 1


def test_opening_the_link_of_another_account_signs_nobody_out(world: World, client: Client) -> None:
    sign_up(Client())
    (link,) = re.findall(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    client.force_login(world.alice.user)
    for ask in (client.get, client.head):
        assert ask(link).status_code == 200
        assert client.session["_auth_user_id"] == str(world.alice.user.pk)
    assert "grace@example.com" in client.get(link).content.decode()
    assert not EmailAddress.objects.get(email="grace@example.com").verified
    client.post(link)
    assert EmailAddress.objects.get(email="grace@example.com").verified
    assert client.session.get("_auth_user_id") != str(world.alice.user.pk)


def test_people_change_their_own_name(world: World, client_of: Any) -> None:
    vera, address = client_of("vera"), reverse("accounts:name")
    page = vera.get(address).content.decode()
    assert 'value="Vera"' in page
    assert 'aria-current="page">Name' in page
    told = vera.post(address, {"first_name": "  Vera Ångström "}, follow=True)
    assert told.redirect_chain == [(address, 302)]
    assert "Your name is changed." in told.content.decode()
    world.vera.user.refresh_from_db()
    assert str(world.vera.user) == "Vera Ångström"
    long, turned, unseen = "x" * 151, "Vera \u202egnp", "\u200b\u2060"
    for wrong in ("", "  ", "Vera\nBcc: all", "Vera\rB", "a\0b", "a\x1bb", "a\u2028b", long, turned, unseen):
        refused = vera.post(address, {"first_name": wrong})
        assert refused.status_code == 422, repr(wrong)
        assert refused.context["form"].errors["first_name"]
    world.vera.user.refresh_from_db()
    assert str(world.vera.user) == "Vera Ångström"
    assert vera.post(address, {"first_name": "می\u200cخواهم"}).status_code == 302


@pytest.mark.django_db
def test_nobody_signs_in_with_an_unproven_address(client: Client) -> None:
    sign_up(client)
    response = client.post(reverse("account_login"), {"login": NEW["email"], "password": PASSWORD})
    assert response["Location"] == reverse("account_email_verification_sent")
    assert client.get(reverse("generations:create")).status_code == 302


@pytest.mark.django_db
def test_signing_up_again_does_not_tell_that_the_address_is_known(client: Client) -> None:
    first = sign_up(client)
    again = sign_up(Client())
    assert (first.status_code, first["Location"]) == (again.status_code, again["Location"])
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "123456789012", "passwordpassword1"[:8]])
def test_weak_passwords_are_refused_by_their_field(client: Client, password: str) -> None:
    assert sign_up(client, password1=password).context["form"].errors["password1"]


def test_who_must_sign_in_before_a_form_is_taken_comes_back_to_its_page(world: World) -> None:
    def back_to(referer: str) -> str:
        to = Client().post(reverse("accounts:rename"), headers={"Referer": referer})["Location"]
        return str(parse_qs(urlsplit(to).query)["next"][0])

    page = reverse("accounts:settings")
    assert back_to(f"http://testserver{page}?tab=1#name") == f"{page}?tab=1"
    assert back_to("https://elsewhere.example/team/settings/") == "/"
    assert back_to("") == "/"
    looked = Client().get(page)["Location"]
    assert looked.endswith(f"next={page}")


@pytest.mark.parametrize("key", ["\\000" + "a" * 20, "A" * 32, "a" * 41, "%00", "ä" * 32])
def test_a_session_that_cannot_be_ours_is_nobodys(db: None, key: str) -> None:
    client = Client(raise_request_exception=False)
    assert client.get("/healthz", HTTP_COOKIE=f'sessionid="{key}"').status_code == 200
    assert client.get("/gallery/", HTTP_COOKIE=f'sessionid="{key}"').status_code == 302


def test_somebody_elses_studio_is_not_ones_own(world: World) -> None:
    studio = open_workspace("Eve's studio", owner=world.eve.user, personal=True)
    Membership.objects.create(user=world.vera.user, workspace=studio, role=Role.CREATOR)
    assert settle_in(world.vera.user) != studio
    assert settle_in(world.eve.user) == studio


def test_an_address_for_forms_says_so_to_who_looks_at_it(world: World, client_of: Any) -> None:
    response = client_of("alice").get(reverse("accounts:rename"))
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "takes what a form sends" in response.content.decode()


@pytest.mark.django_db
def test_guessing_passwords_is_slowed_down(client: Client) -> None:
    user = User.objects.create_user("ada@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    wrong = {"login": user.email, "password": "wrong"}
    for _ in range(12):
        response = client.post(reverse("account_login"), wrong)
    assert "Too many" in response.content.decode() or response.status_code == 429


@pytest.mark.django_db
def test_addresses_are_the_same_whatever_their_case() -> None:
    User.objects.create_user("ada@example.com", PASSWORD)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="ADA@example.com")
    assert User.objects.get_by_natural_key("Ada@Example.com") == User.objects.get()


def test_the_policy_names_every_action_and_only_makers_create() -> None:
    assert set(POLICY) == set(Action)
    assert POLICY[Action.CREATE] == {Role.OWNER, Role.ADMIN, Role.CREATOR}


def test_switching_changes_what_is_seen_and_only_to_ones_own(world: World, client_of: Any) -> None:
    Membership.objects.create(user=world.alice.user, workspace=world.eve.workspace, role=Role.VIEWER)
    alice = client_of("alice")
    assert alice.post(reverse("accounts:switch", args=[world.eve.workspace.pk])).status_code == 302
    response = alice.get(reverse("generations:gallery"))
    assert response.context["actor"].workspace == world.eve.workspace
    assert alice.get(reverse("generations:create")).status_code == 403
    assert client_of("bob").post(reverse("accounts:switch", args=[world.eve.workspace.pk])).status_code == 404


def test_an_administrator_adds_a_member_in_the_admin(world: World, client: Client) -> None:
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    factors.sign_in(client, root)
    workspace = world.eve.workspace
    address = reverse("admin:accounts_workspace_change", args=[workspace.pk])
    membership = workspace.memberships.get()
    data = {
        "name": workspace.name,
        "share": 2,
        "memberships-TOTAL_FORMS": "2",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": membership.pk,
        "memberships-0-workspace": workspace.pk,
        "memberships-0-user": world.eve.user.pk,
        "memberships-0-role": "owner",
        "memberships-1-workspace": workspace.pk,
        "memberships-1-user": world.bob.user.pk,
        "memberships-1-role": "viewer",
    }
    assert client.post(address, data).status_code == 302
    assert Membership.objects.get(user=world.bob.user, workspace=workspace).role == Role.VIEWER


@pytest.mark.parametrize("model", ["ledgerentry", "wallet", "hold", "auditevent"])
def test_money_and_evidence_are_read_only_in_the_admin(world: World, client: Client, model: str) -> None:
    factors.sign_in(client, User.objects.create_superuser("root@example.com", PASSWORD))
    AuditEvent.of("test", world.alice.workspace, actor=None).save()
    assert client.get(reverse(f"admin:accounts_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:accounts_{model}_add")).status_code == 403
    keys = {
        "ledgerentry": LedgerEntry.objects.values_list("pk", flat=True),
        "wallet": Wallet.objects.values_list("pk", flat=True),
        "auditevent": AuditEvent.objects.values_list("pk", flat=True),
    }
    for key in keys.get(model, ())[:1]:
        assert client.post(reverse(f"admin:accounts_{model}_delete", args=[key])).status_code == 403
        assert client.post(reverse(f"admin:accounts_{model}_change", args=[key])).status_code == 403


@pytest.mark.django_db
def test_create_user_makes_a_person_who_can_sign_in(monkeypatch: Any, client: Client) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    call_command("create_user", "Ada@Example.com", "--credits", "40", stdout=io.StringIO())
    assert Workspace.objects.get(memberships__user__email="ada@example.com").wallet.available == 40
    signed_in = client.post(reverse("account_login"), {"login": "ada@example.com", "password": PASSWORD})
    assert signed_in["Location"] == reverse("generations:home")


@pytest.mark.django_db
@pytest.mark.parametrize(("email", "password"), [("not an address", PASSWORD), ("a@example.com", "short")])
def test_create_user_refuses_nonsense_in_one_sentence(monkeypatch: Any, email: str, password: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(CommandError):
        call_command("create_user", email)
    assert not User.objects.exists()


def test_credits_by_hand_need_a_reason_and_are_booked_once(world: World, wallet: Wallet) -> None:
    key, out = str(wallet.workspace_id), io.StringIO()
    call_command("credits", "grant", key, "50", "--reason", "invoice", "--cause", "i-1", stdout=out)
    with pytest.raises(CommandError, match="this cause was booked before"):
        call_command("credits", "grant", key, "50", "--reason", "invoice", "--cause", "i-1")
    with pytest.raises(CommandError, match="only 1050 credits are available"):
        call_command("credits", "adjust", key, "--reason", "typo", "--", "-5000")
    call_command("credits", "show", key, stdout=out)
    assert "1050 available" in out.getvalue()
    assert AuditEvent.objects.filter(verb="credits.grant").count() == 1


@pytest.mark.parametrize("amount", ["99999999999999999999", "1000000000001", "0"])
def test_credits_beyond_measure_are_an_error(wallet: Wallet, amount: str) -> None:
    for verb, sign in (("grant", ""), ("adjust", ""), ("adjust", "-")):
        with pytest.raises(CommandError, match="The amount"):
            call_command("credits", verb, str(wallet.workspace_id), "--reason", "a", "--", sign + amount)
    wallet.refresh_from_db()
    assert wallet.posted == 1000


def test_a_reason_of_blanks_is_none(wallet: Wallet) -> None:
    with pytest.raises(CommandError, match="--reason"):
        call_command("credits", "grant", str(wallet.workspace_id), "5", "--reason", "  ")
    for option in ("--reason", "--cause"):
        with pytest.raises(CommandError, match=rf"{option} may have \d+ characters"):
            call_command(
                "credits", "grant", str(wallet.workspace_id), "5", "--reason", "a", option, "x" * 201
            )
    assert not AuditEvent.objects.filter(verb="credits.grant").exists()


def test_credits_of_nobody_are_an_error(world: World) -> None:
    with pytest.raises(CommandError, match="No workspace"):
        call_command("credits", "show", "nobody@example.com")


@pytest.mark.django_db
def test_an_address_that_is_none_in_small_letters_is_refused_at_its_field(client: Client) -> None:
    page = sign_up(client, email="\u0130x@mal.example")
    assert "email" in page.context["form"].errors
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_name_is_one_line(client: Client) -> None:
    page = sign_up(client, first_name="Grace\n\nYour account is locked: https://evil.example/\n\nGrace")
    assert "first_name" in page.context["form"].errors
    assert not User.objects.exists()
