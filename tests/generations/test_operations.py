"""The operator's page: true figures, safe buttons, an audit trail; and nothing for anybody else."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, User
from generations import alarms, doorbell
from generations.models import Breaker, Generation, Notice, State
from generations.reconcile import sweep
from generations.timing import now
from tests import factors
from tests.generations.ageing import place
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db
PAGE = "/admin/generations/generation/operations/"


@pytest.fixture
def root(client: Client) -> Client:
    return factors.sign_in(client, User.objects.create_superuser("root@example.com", PASSWORD))


@pytest.fixture
def shut() -> Breaker:
    Breaker.bad("locked: exhausted balance", paid=True, at_once=True)
    return Breaker.current()


def late(world: World) -> Generation:
    generation = place(world)
    past = now() - timedelta(minutes=3)
    Generation.objects.filter(pk=generation.pk).update(wake_at=past, turn_at=past)
    return generation


def act(client: Client, **values: Any) -> str:
    return client.post(PAGE, values, follow=True).content.decode()


def test_it_is_linked_from_the_index_and_shows_what_waits(root: Client, world: World) -> None:
    assert reverse("admin:generations_operations") == PAGE
    assert PAGE in root.get("/admin/").content.decode()
    generation = late(world)
    text = root.get(PAGE).content.decode()
    assert str(generation.pk) in text
    for words in ("Due longest", "never seen", "Running", "Northlight", "1 of 40"):
        assert words in text
    assert "Try fal now" not in text


def test_its_figures_cost_few_statements(
    root: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        late(world)
    with django_assert_max_num_queries(25):
        root.get(PAGE)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_else_gets_there(world: World, client_of: Any, method: str) -> None:
    assert getattr(Client(), method)(PAGE).status_code == 302
    assert getattr(client_of("alice"), method)(PAGE).status_code in (302, 403)
    User.objects.filter(pk=world.alice.user.pk).update(is_staff=True)
    staff = factors.sign_in(Client(), world.alice.user)
    assert getattr(staff, method)(PAGE).status_code == 403


def test_whoever_may_only_look_cannot_try(world: World, shut: Breaker) -> None:
    world.alice.user.user_permissions.add(Permission.objects.get(codename="view_generation"))
    User.objects.filter(pk=world.alice.user.pk).update(is_staff=True)
    staff = factors.sign_in(Client(), world.alice.user)
    assert "Try fal now" not in staff.get(PAGE).content.decode()
    assert staff.post(PAGE, {"act": "try"}).status_code == 403


def test_a_button_needs_its_token(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    factors.sign_in(strict, User.objects.create_superuser("root@example.com", PASSWORD))
    assert strict.post(PAGE, {"act": "wake_all"}).status_code == 403


@pytest.mark.redis
def test_waking_one_rings_for_it_and_is_written_down(
    root: Client, world: World, django_capture_on_commit_callbacks: Any
) -> None:
    generation = late(world)
    doorbell._queue(doorbell.DRIVE).empty()
    with django_capture_on_commit_callbacks(execute=True):
        assert "Woken" in act(root, act="wake", generation=generation.pk)
    assert [job.args[0] for job in doorbell._queue(doorbell.DRIVE).jobs] == [str(generation.pk)]
    event = AuditEvent.objects.get(verb="operations.woken")
    assert (event.object, str(event.actor)) == (f"generation:{generation.pk}", "root@example.com")
    doorbell._queue(doorbell.DRIVE).empty()


def test_who_sleeps_by_its_own_wish_is_left_alone(root: Client, world: World) -> None:
    generation = place(world)
    Generation.objects.filter(pk=generation.pk).update(wake_at=now() + timedelta(minutes=5))
    assert "nothing was done" in act(root, act="wake", generation=generation.pk)
    assert not AuditEvent.objects.filter(verb="operations.woken").exists()


@pytest.mark.redis
def test_waking_all_rings_each_where_its_step_is_done(
    root: Client, world: World, django_capture_on_commit_callbacks: Any
) -> None:
    first, stored = late(world), late(world)
    Generation.objects.filter(pk=stored.pk).update(state=State.STORING)
    place(world)  # in line, and the dispatcher's
    queues = [doorbell._queue(name) for name in (doorbell.DRIVE, doorbell.MEDIA)]
    for each in queues:
        each.empty()
    with django_capture_on_commit_callbacks(execute=True):
        assert "2 woken" in act(root, act="wake_all")
    assert [[job.args[0] for job in each.jobs] for each in queues] == [[str(first.pk)], [str(stored.pk)]]
    for each in queues:
        each.empty()
    Generation.objects.filter(pk=stored.pk).update(state=State.QUEUED)


def test_trying_makes_the_probe_due_now(root: Client, shut: Breaker) -> None:
    assert not shut.wants_probe()
    assert "exhausted balance" in root.get(PAGE).content.decode()
    assert "asked now" in act(root, act="try")
    assert Breaker.current().wants_probe()
    assert AuditEvent.objects.get(verb="operations.try_fal").object == "breaker:fal"


def test_trying_while_all_is_well_changes_nothing(root: Client) -> None:
    assert "Nothing is held back" in act(root, act="try")
    assert Breaker.current().until is None


@pytest.mark.parametrize("sent", [{}, {"act": "x"}, {"act": "wake", "generation": "x"}])
def test_odd_buttons_are_said_to_be_odd(root: Client, sent: dict[str, str]) -> None:
    assert "There is no such" in act(root, **sent)


# ── Banner and mail ─────────────────────────────────────────────────────────────────────────────


def test_staff_see_on_every_page_that_fal_refuses_us_and_others_do_not(
    world: World, client_of: Any, shut: Breaker
) -> None:
    User.objects.filter(pk=world.alice.user.pk).update(is_staff=True)
    staff = factors.sign_in(Client(), world.alice.user)
    for page in (reverse("generations:gallery"), "/admin/"):
        assert "fal does not take our requests" in staff.get(page).content.decode()
    assert "exhausted balance" not in client_of("bob").get(reverse("generations:gallery")).content.decode()
    Breaker.good(paid=False)
    Breaker.objects.update(state=Breaker.State.CLOSED)
    assert "fal does not take" not in client_of("alice").get(reverse("generations:gallery")).content.decode()


@pytest.fixture
def staff() -> None:
    User.objects.create_superuser("root@example.com", PASSWORD)
    User.objects.create_user("left@example.com", PASSWORD, is_staff=True, is_active=False)
    User.objects.create_user("person@example.com", PASSWORD)


def opened_again() -> None:
    Breaker.objects.update(opened_at=now())


@pytest.mark.usefixtures("staff")
@pytest.mark.both_databases
def test_one_opening_is_one_mail_to_the_active_staff(shut: Breaker) -> None:
    sweep()
    sweep()
    (sent,) = mail.outbox
    assert sent.recipients() == ["root@example.com"]
    assert "exhausted balance" in sent.body
    assert f"http://127.0.0.1:8000{PAGE}" in sent.body


@pytest.mark.usefixtures("staff")
@pytest.mark.both_databases
def test_a_breaker_that_flaps_writes_once_an_hour(shut: Breaker) -> None:
    assert alarms.tell()
    opened_again()
    assert not alarms.tell()
    Breaker.objects.update(told_at=now() - timedelta(minutes=61))
    assert alarms.tell()
    assert len(mail.outbox) == 2


@pytest.mark.usefixtures("staff")
def test_nothing_is_told_while_all_is_well() -> None:
    sweep()
    assert mail.outbox == []


@pytest.mark.usefixtures("staff")
def test_a_mail_server_that_is_away_stops_no_sweep_and_is_tried_again_later(
    shut: Breaker, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "_paused_until", 0.0)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    sweep()
    assert Breaker.current().told_at is None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert not alarms.tell()  # not at once: each try takes the sweep's time
    monkeypatch.setattr(alarms, "_paused_until", 0.0)
    assert alarms.tell()


def test_a_notice_is_set_changed_and_taken_away_by_command(db: None):
    def said(*arguments: str) -> str:
        out = StringIO()
        call_command("notice", "bar", *arguments, stdout=out)
        return out.getvalue()

    with pytest.raises(CommandError, match=r"--title: .* 200 characters"):
        call_command("notice", "bar", "--title", "x" * 201)
    with pytest.raises(CommandError, match="--title TEXT"):
        call_command("notice", "bar", "--body", "Soon.")
    assert said("--title", "Repairs on Monday") == "The notice (bar) is shown: Repairs on Monday\n"
    assert said("--title", "Repairs on Tuesday") == "The notice (bar) is changed: Repairs on Tuesday\n"
    with pytest.raises(CommandError):
        call_command("notice", "bar")
    assert Notice.objects.get().title == "Repairs on Tuesday"
    assert said("--title", "") == "The notice (bar) is taken away.\n"
    assert said("--title", " ") == "There was none (bar).\n"
    assert not Notice.objects.exists()
