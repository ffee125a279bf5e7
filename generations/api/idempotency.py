"""`Idempotency-Key`: the same question of the same token is done once and answered alike.

A key belongs to the first valid question that came with it, from before anything is done: so no two
questions can do something under one key. What is done under it is done once because the generation
carries the key as well, so a process that died in between leaves nothing that a repeat would do twice.
"""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts.models import ApiAnswer, ApiToken
from generations.api.problems import Problem, answer

HEADER = "Idempotency-Key"
FIT = re.compile(r"[\x21-\x7e]{1,255}")
# Of an answer that is not known yet.
PENDING = 0


@dataclass(frozen=True)
class Once:
    """A question that is done once."""

    token: ApiToken
    key: str
    question: str

    @classmethod
    def of(cls, request: HttpRequest, token: ApiToken, body: Any) -> "Once | None":
        """None without a key: then every question is a new one. Raises Problem for an unfit key."""
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not FIT.fullmatch(key):
            raise Problem("invalid", errors={HEADER: ["1 to 255 visible ASCII characters."]})
        text = json.dumps(body, sort_keys=True)
        return cls(token, key, hashlib.sha256(text.encode()).hexdigest())

    @property
    def form_key(self) -> uuid.UUID:
        """The same for the same token and key."""
        return uuid.uuid5(self.token.pk, self.key)

    def told_before(self) -> HttpResponse | None:
        """The answer that was given, if one was. Raises Problem when the key is another question's."""
        known = ApiAnswer.objects.filter(token=self.token, key=self.key).first()
        if known is None:
            return None
        if known.question != self.question:
            raise Problem("key-reused", "Another body came with this key before. Nothing was done.")
        return None if known.status == PENDING else _again(known)

    def claim(self) -> HttpResponse | None:
        """Make the key this question's; as `told_before` when somebody was faster."""
        try:
            with transaction.atomic():
                ApiAnswer.objects.create(
                    token=self.token, key=self.key, question=self.question, status=PENDING, body=""
                )
        except IntegrityError:
            return self.told_before()
        return None

    def keep(self, status: int, text: str) -> HttpResponse:
        """This answer, unless a twin of this request gave one first."""
        mine = ApiAnswer.objects.filter(token=self.token, key=self.key, question=self.question)
        if mine.filter(status=PENDING).update(status=status, body=text):
            return answer(status, text)
        known = mine.first()
        return _again(known) if known else answer(status, text)


def _again(known: ApiAnswer) -> HttpResponse:
    return answer(known.status, known.body, {"Idempotent-Replayed": "true"})
