"""Tells the operators, by mail, what nobody but them can mend: fal refuses us, and everything waits."""

import logging
import time

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import User
from generations.models import Breaker
from generations.timing import HOUR, business, now

logger = logging.getLogger(__name__)

# A mail server that is away takes the sweep's time at each try: after a failure nobody tries for so long.
PAUSE = 300.0
_paused_until = 0.0

BODY = """\
Since {since:%Y-%m-%d %H:%M} UTC fal does not take our requests: {reason}.

Nothing is sent now, and nothing fails because of it: new clips wait in line, and go out when fal answers
again. We ask by ourselves, at least every two minutes.

When the reason speaks of the key or the balance: look at fal's dashboard, put a new key into FAL_KEY and
restart the processes, or top the account up; then press "Try fal now" here:

{link}
"""


def tell() -> bool:
    """Mail all active staff that the breaker opened: once per opening, at most once an hour.

    Whatever goes wrong with the mail, the sweep goes on.
    """
    breaker = Breaker.current()
    if not breaker.is_open or time.monotonic() < _paused_until:
        return False
    moment = now()
    untold = Q(told_at=None) | Q(told_at__lt=F("opened_at"), told_at__lte=moment - business(HOUR))
    if not Breaker.objects.filter(untold, pk=breaker.pk, state=Breaker.State.OPEN).update(told_at=moment):
        return False
    if _sent(breaker):
        return True
    Breaker.objects.filter(pk=breaker.pk, told_at=moment).update(told_at=breaker.told_at)
    return False


def _sent(breaker: Breaker) -> bool:
    global _paused_until  # noqa: PLW0603 - only the one reconciler comes here
    staff = User.objects.filter(is_staff=True, is_active=True).values_list("email", flat=True)
    link = settings.PUBLIC_URL + reverse("admin:generations_operations")
    body = BODY.format(since=breaker.opened_at or now(), reason=breaker.reason.rstrip("."), link=link)
    mail = EmailMessage("Dailies: fal does not take our requests", body, bcc=list(staff))
    try:
        mail.send()
    except Exception as error:  # noqa: BLE001 - libraries behind EMAIL_URL raise what they like
        logger.error("event=mail_not_sent error=%s", type(error).__name__)  # noqa: TRY400 - no address
        _paused_until = time.monotonic() + PAUSE
        return False
    logger.warning("event=operators_told people=%s", len(staff))
    return True
