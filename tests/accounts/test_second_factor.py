"""Second factors: setting one up, signing in with it, who must have one, and the ways around it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.signals import authenticator_added
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.adapter import MfaAdapter
from accounts.models import AuditEvent, Membership, Role, User, Workspace
from accounts.second_factor import needs_second_factor, shown
from tests.factors import code, prove_address, reauthenticate, set_up, sign_in
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_limits_from_other_tests() -> None:
    cache.clear()


def demand(workspace: Workspace, days: float = 0) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(mfa_from=timezone.now() + timedelta(days=days))


def password(client: Client, email: str = "alice@example.com") -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": PASSWORD})


def gallery(client: Client) -> Any:
    return client.get(reverse("generations:gallery"))


# ── Setting up and signing in ───────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
def test_an_app_is_set_up_and_asked_for_at_the_next_sign_in(world: World, client_of: Any) -> None:
    prove_address(world.alice.user)
    client = client_of("alice")
    asked = client.get(reverse("mfa_activate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    reauthenticate(client, PASSWORD)
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    done = client.post(reverse("mfa_activate_totp"), {"code": code(secret)})
    assert "Authenticator app activated" in str(mail.outbox[-1].body)
    assert done["Location"] == reverse("mfa_view_recovery_codes")
    assert "10 of 10" in client.get(done["Location"]).content.decode()

    fresh = Client()
    assert password(fresh)["Location"] == reverse("mfa_authenticate")
    assert gallery(fresh)["Location"].startswith(reverse("account_login"))
    assert "errorlist" in fresh.post(reverse("mfa_authenticate"), {"code": "000000"}).content.decode()
    assert fresh.post(reverse("mfa_authenticate"), {"code": code(secret)})["Location"] == "/"
    assert gallery(fresh).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_recovery_code_works_once(world: World) -> None:
    prove_address(world.alice.user)
    set_up(world.alice.user)
    client = sign_in(Client(), world.alice.user)
    reauthenticate(client, PASSWORD)
    client.post(reverse("mfa_generate_recovery_codes"))
    spare = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    for expected in (302, 200):
        fresh = Client()
        password(fresh)
        assert fresh.post(reverse("mfa_authenticate"), {"code": spare}).status_code == expected
    assert Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes().count(spare) == 0


def test_secrets_are_stored_locked(world: World, settings: Any) -> None:
    secret = set_up(world.alice.user)
    stored = Authenticator.objects.get().data["secret"]
    assert secret not in stored
    assert MfaAdapter().decrypt(stored) == secret
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 9, [settings.SECRET_KEY]
    assert MfaAdapter().decrypt(stored) == secret


@pytest.mark.parametrize(
    "name",
    [
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_list_webauthn",
        "mfa_generate_recovery_codes",
    ],
)
def test_pages_about_factors_have_no_inline_code(world: World, name: str) -> None:
    prove_address(world.alice.user)
    client = Client()
    client.force_login(world.alice.user)
    if name == "mfa_generate_recovery_codes":
        sign_in(client, world.alice.user)
    reauthenticate(client, PASSWORD)
    page = client.get(reverse(name))
    assert page.status_code == 200
    text = page.content.decode()
    assert not re.search(r"<script(?![^>]*(\ssrc=|application/json))", text)
    assert not re.search(r"\s(style|on[a-z]+)=", text)


# ── Where a workspace requires it ───────────────────────────────────────────────────────────────


def test_the_owner_requires_it_with_days_of_grace(world: World, client_of: Any) -> None:
    address = reverse("accounts:require_second_factor")
    assert client_of("bob").post(address, {"required": "on", "grace_days": 3}).status_code == 403
    for days in ("31", "-1", "x", ""):
        assert client_of("alice").post(address, {"required": "on", "grace_days": days}).status_code == 422
    client_of("alice").post(address, {"required": "on", "grace_days": 3})
    workspace = Workspace.objects.get(pk=world.alice.workspace.pk)
    assert workspace.mfa_from
    assert timedelta(days=2.9) < workspace.mfa_from - timezone.now() <= timedelta(days=3)
    assert AuditEvent.objects.get(verb="workspace.second_factor").before == {"mfa_from": None}
    page = gallery(client_of("bob"))
    assert (page.status_code, "in 3 days" in page.content.decode()) == (200, True)
    sign_in(Client(), world.vera.user)
    assert "in 3 days" not in gallery(client_of("vera")).content.decode()
    client_of("alice").post(address, {"grace_days": ""})
    assert Workspace.objects.get(pk=workspace.pk).mfa_from is None


def test_after_the_grace_nothing_opens_there_without_a_factor(world: World, client_of: Any) -> None:
    demand(world.alice.workspace)
    bob, setup = client_of("bob"), reverse("mfa_index")
    for name in ("gallery", "create", "queue", "credits", "bin", "live"):
        assert bob.get(reverse(f"generations:{name}"))["Location"] == setup, name
    mounted = f"/w/{world.alice.workspace.pk}"
    assert bob.get(f"{mounted}/gallery/")["Location"] == f"{mounted}{setup}"
    assert bob.post(reverse("generations:create"), {"prompt": "x"})["Location"] == setup
    page = bob.get(setup).content.decode()
    assert "Northlight asks for it" in page
    assert 'class="balance"' not in page
    assert gallery(client_of("eve")).status_code == 200
    assert bob.post(reverse("account_logout")).status_code == 302


def test_another_workspace_stays_open(world: World, client_of: Any) -> None:
    Membership.objects.create(user=world.bob.user, workspace=world.eve.workspace, role=Role.VIEWER)
    demand(world.alice.workspace)
    bob, there = client_of("bob"), world.eve.workspace
    assert bob.get(f"/w/{there.pk}/gallery/").status_code == 200
    moved = bob.post(f"/w/{world.alice.workspace.pk}{reverse('accounts:switch', args=[there.pk])}")
    assert moved["Location"] == f"/w/{there.pk}/gallery/"
    assert bob.get(reverse("accounts:workspace_new")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_setting_one_up_opens_it_and_old_sessions_show_it_once(world: World, client_of: Any) -> None:
    prove_address(world.bob.user)
    demand(world.alice.workspace)
    before, here = client_of("bob"), client_of("bob")
    reauthenticate(here, PASSWORD)
    secret = here.get(reverse("mfa_activate_totp")).context["form"].secret
    here.post(reverse("mfa_activate_totp"), {"code": code(secret)})
    assert gallery(here).status_code == 200
    # That session knows of a password only: it may be anybody's who had found it out.
    asked = gallery(before)["Location"]
    assert asked.startswith(reverse("mfa_reauthenticate"))
    reauthenticate(before, PASSWORD)
    assert gallery(before)["Location"] == asked
    before.post(asked, {"code": code(secret)})
    assert gallery(before).status_code == 200


@pytest.fixture
def old(world: World) -> Client:
    """Bob's session by his password alone, from before he set up an app; his password was shown again."""
    prove_address(world.bob.user)
    session = Client()
    password(session, "bob@example.com")
    set_up(world.bob.user)
    RecoveryCodes.activate(world.bob.user)
    demand(world.alice.workspace)
    reauthenticate(session, PASSWORD)
    return session


@pytest.mark.parametrize(
    "page",
    [
        "mfa_index", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
        "mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_list_webauthn",
        "account_email", "account_change_password",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_password_alone_opens_no_page_about_how_one_gets_in(old: Client, page: str, method: str) -> None:
    had = list(Authenticator.objects.order_by("pk").values())
    answer = getattr(old, method)(reverse(page))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    assert list(Authenticator.objects.order_by("pk").values()) == had


@pytest.mark.django_db(transaction=True)
def test_a_further_factor_proves_nothing_about_who_adds_it(world: World, old: Client) -> None:
    authenticator = Authenticator.objects.create(user=world.bob.user, type="webauthn", data={"name": "k"})
    request = RequestFactory().get("/")
    request.session, request.user = old.session, world.bob.user
    authenticator_added.send(
        sender=Authenticator, request=request, user=world.bob.user, authenticator=authenticator
    )
    assert not shown(request)


def test_programs_of_who_has_none_are_told_apart(world: World, django_assert_num_queries: Any) -> None:
    workspace, bob = world.alice.workspace, world.bob.user
    with django_assert_num_queries(0):
        assert not needs_second_factor(bob, workspace)
    demand(workspace, days=1)
    workspace.refresh_from_db()
    assert not needs_second_factor(bob, workspace)
    demand(workspace)
    workspace.refresh_from_db()
    with django_assert_num_queries(1):
        assert needs_second_factor(bob, workspace)
    Authenticator.objects.create(user=bob, type="recovery_codes", data={})
    assert needs_second_factor(bob, workspace)  # a spare key without a lock
    set_up(bob)
    assert not needs_second_factor(bob, workspace)


def test_a_suspended_member_is_nobody_with_or_without_one(world: World) -> None:
    demand(world.alice.workspace)
    bob = sign_in(Client(), world.bob.user)
    Membership.objects.filter(user=world.bob.user).update(suspended_at=timezone.now())
    assert bob.get(f"/w/{world.alice.workspace.pk}/gallery/").status_code == 404
    assert gallery(bob).status_code == 403


# ── Ways around it ──────────────────────────────────────────────────────────────────────────────


def test_a_new_password_by_mail_is_not_enough(world: World) -> None:
    prove_address(world.alice.user)
    set_up(world.alice.user)
    client = Client()
    client.post(reverse("account_reset_password"), {"email": "alice@example.com"})
    link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
    assert link
    form = client.get(link[0])["Location"]
    new = "a wholly other password"
    client.post(form, {"password1": new, "password2": new})
    assert gallery(client).status_code == 302
    client.post(reverse("account_login"), {"login": "alice@example.com", "password": new})
    assert gallery(client)["Location"].startswith(reverse("account_login"))


def test_the_back_office_has_no_door_of_its_own(world: World) -> None:
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    prove_address(root)
    client = Client()
    # Without a factor: signed in, and sent to set one up from every page of it.
    client.post(reverse("admin:login"), {"username": root.email, "password": PASSWORD})
    password(client, root.email)
    for page in (reverse("admin:index"), reverse("admin:accounts_user_changelist")):
        assert client.get(page)["Location"] == reverse("mfa_index")
        assert client.post(page, {"action": "x"})["Location"] == reverse("mfa_index")
    assert "The back office asks for it" in client.get(reverse("mfa_index")).content.decode()
    # With one: no way in by the password alone.
    set_up(root)
    assert client.get(reverse("admin:index"))["Location"].startswith(reverse("mfa_reauthenticate"))
    fresh = Client()
    fresh.post(reverse("admin:login"), {"username": root.email, "password": PASSWORD})
    assert fresh.get(reverse("admin:index")).status_code == 302
    assert password(fresh, root.email)["Location"] == reverse("mfa_authenticate")
    assert "/login" in fresh.get(reverse("admin:index"))["Location"]


def test_staff_take_a_lost_factor_away_and_it_is_written_down(world: World) -> None:
    set_up(world.bob.user)
    root = sign_in(Client(), User.objects.create_superuser("root@example.com", PASSWORD))
    lost = Authenticator.objects.get(user=world.bob.user)
    page = root.get(reverse("admin:mfa_authenticator_change", args=[lost.pk]))
    assert lost.data["secret"] not in page.content.decode()
    assert root.post(reverse("admin:mfa_authenticator_add"), {}).status_code == 403
    address = reverse("admin:mfa_authenticator_delete", args=[lost.pk])
    assert root.post(address, {"post": "yes"}).status_code == 302
    event = AuditEvent.objects.get(verb="second_factor.removed")
    assert (event.object, event.before) == (f"user:{world.bob.user.pk}", {"type": "totp"})
    assert not Authenticator.objects.filter(user=world.bob.user).exists()


def test_staff_without_the_rule_need_none(client: Client, settings: Any) -> None:
    settings.STAFF_MFA = False
    client.force_login(User.objects.create_superuser("root@example.com", PASSWORD))
    assert client.get(reverse("admin:index")).status_code == 200


def test_the_session_of_one_person_proves_nothing_for_another(world: World) -> None:
    demand(world.alice.workspace)
    client = sign_in(Client(), world.alice.user)
    proven = dict(client.session)
    set_up(world.bob.user)
    client.force_login(world.bob.user)
    session = client.session
    session["second_factor"] = proven["second_factor"]
    session.save()
    assert gallery(client)["Location"].startswith(reverse("mfa_reauthenticate"))


def test_a_password_alone_reads_no_balance_on_any_page(world: World) -> None:
    demand(world.alice.workspace, days=-1)
    set_up(world.bob.user)
    client = Client()
    client.force_login(world.bob.user)  # a session from before, or a thief's
    assert client.get("/credits/").status_code == 302
    for address in ("/nothing/here/", "/api/v1/docs", "/workspaces/new/", "/accounts/logout/"):
        assert 'class="balance"' not in client.get(address).content.decode(), address
    proven = sign_in(Client(), world.bob.user)
    assert 'class="balance"' in proven.get("/nothing/here/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", ['{"id": 1}', "[" * 900, "1" * 5000, "{}", "null", '"a"', '{"response": []}']
)
def test_an_odd_passkey_breaks_no_page(given: str) -> None:
    client = Client()
    client.get("/accounts/2fa/webauthn/login/")
    assert client.post("/accounts/2fa/webauthn/login/", {"credential": given}).status_code < 500
