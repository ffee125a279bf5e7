"""The outbox: a letter is sent once, later if the server is away, and never becomes two headers."""

import asyncio
import smtplib
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import django_rq
import pytest
from aiosmtpd.controller import Controller
from django.db import transaction
from django.utils import timezone
from rq import SimpleWorker

from accounts import inviting, letters
from accounts.inviting import Guest
from accounts.models import Letter, Role
from config.demo.ports import free_port
from generations.reconcile import sweep
from tests.accounts.test_races import at_once
from tests.world import World


class Server:
    """A mail server that takes what comes, or answers as it is told to."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.answers: dict[str, list[str]] = {"RCPT": [], "DATA": []}
        self.slow = 0.0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, to: str, options: Any) -> str:  # noqa: N802
        if self.answers["RCPT"]:
            return self.answers["RCPT"].pop(0)
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.slow)
        if self.answers["DATA"]:
            return self.answers["DATA"].pop(0)
        self.taken.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def smtp(settings: Any) -> Iterator[Server]:
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield server
    controller.stop()


def letter(**values: Any) -> Letter:
    return Letter.objects.create(to="ada@example.com", subject="Hello", text="A text\n", **values)


def due(each: Letter) -> None:
    Letter.objects.filter(pk=each.pk).update(wake_at=timezone.now(), poked_at=None)


def work() -> None:
    """Sweep, and have a real worker of the queue send what is due."""
    sweep()
    queue = django_rq.get_queue("mail")
    worker = SimpleWorker([queue], connection=queue.connection, serializer=queue.serializer)
    worker.work(burst=True, logging_level="ERROR")


@pytest.fixture
def committed(transactional_db: None) -> Iterator[World]:
    django_rq.get_queue("mail").empty()
    yield World.make()
    django_rq.get_queue("mail").empty()


def test_an_invitation_arrives_at_a_real_mail_server(committed: World, smtp: Server, settings: Any) -> None:
    settings.PUBLIC_URL = "https://dailies.example.com"
    guests = [Guest("ada@example.com", Role.VIEWER), Guest("grace@example.com", Role.CREATOR)]
    made = inviting.invite(committed.alice, guests, expires_at=timezone.now() + timedelta(days=2))
    work()
    assert sorted(to for to, _ in smtp.taken) == [["ada@example.com"], ["grace@example.com"]]
    mail = next(message for to, message in smtp.taken if to == ["ada@example.com"])
    assert str(make_header(decode_header(mail["Subject"]))) == "Alice invites you to Northlight on Dailies"
    text = mail.get_payload(decode=True).decode()
    assert f"https://dailies.example.com/invitations/{made[0].word}/" in text
    assert "as Viewer" in text
    for each in Letter.objects.all():
        assert (each.text, each.wake_at, each.error) == ("", None, "")
        assert each.sent_at
    work()
    assert len(smtp.taken) == 2


def test_names_are_not_escaped_as_in_a_page(world: World) -> None:
    type(world.alice.workspace).objects.update(name="Tom & Jerry's <b>")
    inviting.invite(
        type(world.alice).of(world.alice.user.memberships.get()),
        [Guest("ada@example.com", Role.VIEWER)],
        expires_at=timezone.now() + timedelta(days=1),
    )
    written = Letter.objects.get()
    assert "Tom & Jerry's <b>" in written.subject
    assert "Tom & Jerry's <b>" in written.text


@pytest.mark.parametrize("name", ["A\r\nBcc: eve@example.com", "A\x0bB", "A\u2028B", "A\x00B", "A\u202eB"])
def test_no_name_makes_another_header(world: World, name: str, mailoutbox: list[Any]) -> None:
    context = {"inviter": name, "workspace": "W", "link": "L"}
    written = letters.write("ada@example.com", "invitation", context)
    assert written.subject.isprintable()
    assert letters.deliver(written.pk)
    (sent,) = mailoutbox
    assert (sent.to, sent.bcc, sent.message()["Bcc"]) == (["ada@example.com"], [], None)


@pytest.mark.django_db
@pytest.mark.parametrize("to", ["ada@example.com\nBcc: eve@example.com", "nobody", "a@b.c, d@e.f"])
def test_what_is_no_address_is_not_written_to(to: str) -> None:
    written = letters.write(to, "invitation", {})
    assert (written.wake_at, written.text) == (None, "")
    assert not letters.deliver(written.pk)


def test_a_letter_of_what_was_rolled_back_is_none(committed: World) -> None:
    with transaction.atomic():
        letters.write("ada@example.com", "invitation", {})
        transaction.set_rollback(True)
    assert not Letter.objects.exists()


def test_a_server_that_is_away_is_asked_again_later(committed: World, smtp: Server, settings: Any) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # nobody listens there
    written = letter()
    work()
    written.refresh_from_db()
    assert (written.tries, written.sent_at, written.text) == (1, None, "A text\n")
    assert "ConnectionRefused" in written.error
    assert written.wake_at
    assert timedelta(seconds=50) < written.wake_at - timezone.now() <= timedelta(seconds=60)
    settings.EMAIL_PORT = port
    work()
    assert smtp.taken == []  # not before its time
    due(written)
    work()
    assert len(smtp.taken) == 1
    assert Letter.objects.filter(pk=written.pk, tries=2, wake_at=None, error="").exists()


@pytest.mark.parametrize(("word", "answer"), [("RCPT", "451 Greylisted"), ("DATA", "452 Disk full")])
def test_a_4xx_is_asked_again_later(committed: World, smtp: Server, word: str, answer: str) -> None:
    smtp.answers[word] = [answer]
    written = letter()
    work()
    written.refresh_from_db()
    assert written.wake_at
    assert written.error.endswith(answer[:3])
    assert "ada" not in written.error
    due(written)
    work()
    assert len(smtp.taken) == 1


@pytest.mark.parametrize(("word", "answer"), [("RCPT", "550 No such user"), ("DATA", "554 Spam")])
def test_a_5xx_about_this_mail_is_the_end(committed: World, smtp: Server, word: str, answer: str) -> None:
    smtp.answers[word] = [answer]
    written = letter()
    work()
    written.refresh_from_db()
    assert (written.wake_at, written.sent_at, written.text) == (None, None, "")
    assert written.error.endswith(answer[:3])


def test_it_waits_longer_each_time_and_is_given_up_after_a_day(world: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    written, waits, clock = letter(), [], timedelta()
    while True:
        due(written)
        assert not letters.deliver(written.pk)
        written.refresh_from_db()
        if written.wake_at is None:
            break
        waits.append(written.wake_at - timezone.now())
        clock += waits[-1]
        # As if that time had passed.
        Letter.objects.filter(pk=written.pk).update(created_at=timezone.now() - clock)
    minutes = [round(each.total_seconds() / 60) for each in waits]
    assert minutes[:5] == [1, 5, 15, 60, 180]
    assert timedelta(hours=20) < clock <= timedelta(hours=24)
    assert written.text == ""
    assert "ConnectionRefused" in written.error


def test_drills_wait_less(world: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.TIME_SCALE = "127.0.0.1", 1, 60.0
    written = letter()
    letters.deliver(written.pk)
    written.refresh_from_db()
    assert written.wake_at
    assert written.wake_at - timezone.now() <= timedelta(seconds=1)


@pytest.mark.both_databases
def test_many_workers_at_once_send_it_once(transactional_db: None, smtp: Server) -> None:
    smtp.slow = 0.3
    written = letter()
    answers = at_once([lambda: letters.deliver(written.pk)] * 8, threads=8)
    assert (sum(answers), len(smtp.taken)) == (1, 1)


def test_a_worker_that_died_leaves_it_to_the_next(world: World, mailoutbox: list[Any]) -> None:
    written = letter()
    assert letters._take(written.pk)
    assert not letters.deliver(written.pk)  # leased
    Letter.objects.filter(pk=written.pk).update(wake_at=timezone.now())
    assert letters.deliver(written.pk)
    assert not letters.deliver(written.pk)
    assert len(mailoutbox) == 1


def test_every_try_has_the_same_name(world: World, monkeypatch: Any) -> None:
    written, names = letter(), []

    def fails(self: Any, *_: Any, **__: Any) -> int:
        names.append(self.extra_headers["Message-ID"])
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.EmailMessage.send", fails)
    for _ in range(2):
        due(written)
        letters.deliver(written.pk)
    assert len(names) == 2
    assert len(set(names)) == 1


def test_a_bell_that_was_lost_is_rung_again_and_not_too_often(committed: World, settings: Any) -> None:
    settings.TIME_SCALE = 1.0
    letter()
    queue = django_rq.get_queue("mail")
    sweep()
    sweep()
    assert queue.count == 1
    queue.empty()  # a Redis without memory
    Letter.objects.update(poked_at=timezone.now() - timedelta(minutes=1))
    sweep()
    assert queue.count == 1
