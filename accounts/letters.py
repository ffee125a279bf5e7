"""The outbox of mails: written in the transaction of what they tell of, sent by the mail worker."""

import logging
import smtplib
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db.models import F
from django.template import Context, Engine
from django.utils import timezone

from accounts.models import Letter, User, Workspace

logger = logging.getLogger(__name__)

MINUTE = 60
# Seconds until the next try, after the first, the second and so on; and when it is given up.
WAITS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 180 * MINUTE)
GIVEN_UP_AFTER = 24 * 60 * MINUTE
# Longer than any conversation with a mail server: each step of it has a time-out. Never scaled.
LEASE = timedelta(seconds=15 * settings.EMAIL_TIMEOUT)
LONGEST_SUBJECT = 200


def write(to: str, template: str, context: Mapping[str, Any]) -> Letter:
    """Put a letter into the outbox: `letters/<template>.subject.txt` and `.txt`, filled in.

    Needs the transaction of what it tells of. To an address that is none it is kept as not sent: what it
    tells of happens all the same. Texts and names in `context` are people's words: what went over several
    lines could pass for a text of ours.
    """
    theirs = str, User, Workspace
    context = {
        name: one_line(str(each)) if isinstance(each, theirs) else each for name, each in context.items()
    }
    subject = one_line(_fill(f"letters/{template}.subject.txt", context))[:LONGEST_SUBJECT]
    if not is_address(to):
        logger.warning("event=letter_without_address template=%s", template)
        return Letter.objects.create(to=to, subject=subject, text="", wake_at=None, error="no address")
    # No database for text takes this sign.
    text = _fill(f"letters/{template}.txt", context).replace("\0", "").strip() + "\n"
    return Letter.objects.create(to=to, subject=subject, text=text)


def is_address(to: str) -> bool:
    """Whether a mail could be sent there."""
    try:
        validate_email(to)
    except ValidationError:
        return False
    return True


def one_line(text: str) -> str:
    """No line ends in it, by which a subject could become another header, and nothing that cannot be seen."""
    words = " ".join(text.split())
    return "".join(sign for sign in words if sign.isprintable())


def _fill(name: str, context: Mapping[str, Any]) -> str:
    # A mail is plain text: what would be escaped for a page would be read as it stands.
    return Engine.get_default().get_template(name).render(Context(dict(context), autoescape=False))


def deliver(key: uuid.UUID) -> bool:
    """Send a letter that is due; False when it is not, when another worker has it, or when it failed."""
    letter = _take(key)
    if letter is None:
        return False
    try:
        _message(letter).send()
    except Exception as error:  # noqa: BLE001 - whatever a mail backend raises, the letter must go on
        _put_off(letter, error)
        return False
    # Blanked even when the lease ran out meanwhile: it was sent, and nobody needs to send it again.
    done = {"sent_at": timezone.now(), "wake_at": None, "text": "", "error": ""}
    Letter.objects.filter(pk=key, sent_at=None).update(**done)
    return True


def _take(key: uuid.UUID) -> Letter | None:
    """The winner of a race has it for as long as the lease; a worker that dies leaves it to the next."""
    moment = timezone.now()
    letter = Letter.objects.filter(pk=key, wake_at__lte=moment).first()
    if letter is None:
        return None
    mine = Letter.objects.filter(pk=key, wake_at=letter.wake_at, tries=letter.tries)
    if not mine.update(wake_at=moment + LEASE, tries=F("tries") + 1):
        return None
    letter.tries += 1
    return letter


def _message(letter: Letter) -> EmailMessage:
    # The same name at each try: should a server have taken it and never said so, a mailbox sees one mail.
    name = f"<{letter.pk}@{urlsplit(settings.PUBLIC_URL).hostname}>"
    headers = {"Message-ID": name, "Auto-Submitted": "auto-generated"}
    return EmailMessage(letter.subject, letter.text, to=[letter.to], headers=headers)


def _put_off(letter: Letter, error: Exception) -> None:
    """Later again, or never: a server that refuses an address for good is not asked twice."""
    wake_at, said = _next_try(letter), _in_words(error)
    over = wake_at is None or isinstance(error, ValueError) or _for_good(error)
    # No address in the log, and nothing of what the server said: it quotes the address. That one address
    # does not exist is nobody's alarm; that nothing could be sent for a day is the operator's.
    log = logger.error if wake_at is None else logger.warning
    log("letter=%s event=mail_not_sent tries=%s over=%s error=%s", letter.pk, letter.tries, over, said)
    mine = Letter.objects.filter(pk=letter.pk, tries=letter.tries, sent_at=None)
    if over:
        mine.update(wake_at=None, text="", error=said)
    else:
        mine.update(wake_at=wake_at, error=said)


def _next_try(letter: Letter) -> datetime | None:
    wait = WAITS[min(letter.tries, len(WAITS)) - 1]
    wake_at = timezone.now() + _business(wait)
    return wake_at if wake_at < letter.created_at + _business(GIVEN_UP_AFTER) else None


def _business(seconds: float) -> timedelta:
    return timedelta(seconds=seconds / settings.TIME_SCALE)


def _for_good(error: Exception) -> bool:
    """Whether the server refused this very mail with a 5xx. What it says of us may be mended in time."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _in_words(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next((number for number, _ in error.recipients.values()), None)
    return f"{type(error).__name__} {code or ''}".strip()[:80]
