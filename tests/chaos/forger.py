"""Somebody who posts webhooks that fal never sent, at addresses that nobody was given."""

import json
import random
import secrets
import threading
import time
from collections import Counter

from tests.chaos.people import Browser, NoAnswer
from tests.chaos.wishes import Wishes

SHARE = 0.1  # of the rate at which orders come
USER = "emulator-account"


class Forger:
    """One thread, at a tenth of the rate of the orders."""

    def __init__(self, port: int, wishes: Wishes) -> None:
        self.browser = Browser(port)
        self.pause = 1 / (wishes.rate * SHARE)
        self.draw = random.Random(f"forger {wishes.seed}")
        self.answers: Counter[str] = Counter()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    @property
    def accepted(self) -> int:
        """How many were believed."""
        return sum(count for status, count in self.answers.items() if status.startswith("2"))

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(60)

    def _work(self) -> None:
        while not self.stopping.wait(self.pause):
            headers, body = self._lie()
            try:
                answer = self.browser.raw(f"/webhooks/fal/{secrets.token_urlsafe(32)}/", headers, body)
            except NoAnswer:
                continue
            self.answers[str(answer.status)] += 1

    def _lie(self) -> tuple[dict[str, str], bytes]:
        """In the right shape, or in one that is wrong in one place."""
        request_id = secrets.token_hex(16)
        content = {
            "request_id": request_id,
            "status": "OK",
            "payload": {"video": {"url": "http://127.0.0.1/"}},
        }
        headers = {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER,
            "X-Fal-Webhook-Timestamp": str(int(time.time())),
            "X-Fal-Webhook-Signature": secrets.token_hex(64),
        }
        spoilt = self.draw.choice(("", "User-Id", "Timestamp", "Signature"))
        if spoilt:
            headers[f"X-Fal-Webhook-{spoilt}"] = self.draw.choice(("", "0", "x" * 128, USER.upper()))
        return headers, json.dumps(content).encode()
