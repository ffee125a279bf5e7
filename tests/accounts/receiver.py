"""Another program that takes webhooks, as its author would write it with the public library."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

from django.utils import timezone
from standardwebhooks import Webhook

from accounts.models import WebhookEndpoint, WebhookMessage
from accounts.webhooks import deliver
from tests.fal.hosting import listening


@dataclass
class Receiver:
    """Keeps what arrives; answers as a test sets, and then 200."""

    statuses: list[int] = field(default_factory=list)
    location: str = ""
    pause: float = 0
    arrived: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    now: int = 0
    most_at_once: int = 0
    url: str = ""
    lock: Any = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            self.arrived.append((headers, body))
            self.now += 1
            self.most_at_once = max(self.most_at_once, self.now)
        time.sleep(self.pause)
        with self.lock:
            self.now -= 1
            return self.statuses.pop(0) if self.statuses else 200

    def verified(self, secret: str, number: int = -1) -> Any:
        """What was said, if the signature is good; raises the library's error otherwise."""
        headers, body = self.arrived[number]
        return Webhook(secret).verify(body, headers)


@contextmanager
def receiving(receiver: Receiver | None = None) -> Iterator[Receiver]:
    made = receiver or Receiver()

    class Call(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(made.take(headers, body))
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Call) as made.url:
        yield made


def passes(span: timedelta) -> None:
    """Time is never patched: everything that is noted moves into the past."""
    for model, columns in (
        (WebhookEndpoint, ("failing_since", "quiet_until", "old_secret_until")),
        (WebhookMessage, ("created_at", "wake_at", "poked_at", "lease_until")),
    ):
        for row in model.objects.all():
            for column in columns:
                if value := getattr(row, column):
                    setattr(row, column, value - span)
            row.save()


def send(most: int = 50) -> int:
    """Deliver what is due now, as a worker would; how many tries."""
    due = list(WebhookMessage.objects.ripe(timezone.now()).values_list("pk", flat=True)[:most])
    for key in due:
        deliver(key)
    return len(due)
