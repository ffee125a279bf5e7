"""Attempts to submit to fal, and what fal delivered about them."""

import hashlib
import secrets
import uuid
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models.functions import Coalesce

from generations.models.generation import Generation
from generations.timing import LEASE, now

# fal calls an attempt that may cost money one of these; at most one such may exist per generation.
LIVE = ("prepared", "sending", "accepted", "ambiguous")


def hashed(token: str) -> str:
    """Tokens are kept as digests: a database dump must not let anybody post as fal."""
    return hashlib.sha256(token.encode()).hexdigest()


class Attempt(models.Model):
    """One POST to fal, written down before any byte of it leaves.

    fal has no idempotency key. The random token in the webhook address is what ties a delivery to
    this row when the answer to the POST is lost.
    """

    class State(models.TextChoices):
        PREPARED = "prepared"
        SENDING = "sending"
        ACCEPTED = "accepted"
        AMBIGUOUS = "ambiguous"
        REJECTED = "rejected"

    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    token_hash = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREPARED)
    request_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    status_url = models.URLField(max_length=500, blank=True, default="")
    response_url = models.URLField(max_length=500, blank=True, default="")
    cancel_url = models.URLField(max_length=500, blank=True, default="")
    arguments = models.JSONField(default=dict)
    # fal's last words about this attempt, as they came: unknown fields are kept, not understood.
    reply = models.JSONField(default=dict, blank=True)
    result = models.JSONField(null=True, blank=True)
    # Looks in a row at which fal did not know it, or knew it without a usable result; and since when.
    lost_looks = models.PositiveSmallIntegerField(default=0)
    lost_since = models.DateTimeField(null=True, blank=True)
    prepared_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["generation", "number"], name="attempt_number"),
            models.UniqueConstraint(
                fields=["generation"], condition=models.Q(state__in=LIVE), name="attempt_one_live"
            ),
        ]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.generation_id}: {self.state}"

    @classmethod
    def prepare(cls, generation: Generation, arguments: dict[str, Any]) -> "tuple[Attempt, str] | None":
        """A fresh attempt and its token, which exists nowhere else but in the webhook address.

        None when the worker's lease was taken over meanwhile.
        """
        token = secrets.token_urlsafe(32)
        with transaction.atomic():
            if not generation.renew(seconds=LEASE):
                return None
            number = generation.attempts.count() + 1
            attempt = cls.objects.create(
                generation=generation, number=number, token_hash=hashed(token), arguments=arguments
            )
        return attempt, token

    def begin(self, generation: Generation) -> bool:
        """Commit that bytes are about to leave; False when they must not (lease lost, or cancelled)."""
        with transaction.atomic():
            prepared = Attempt.objects.filter(pk=self.pk, state=self.State.PREPARED)
            if generation.confirm(seconds=LEASE) and prepared.update(state=self.State.SENDING, sent_at=now()):
                return True
            transaction.set_rollback(True)
        return False

    def reject(self, reply: dict[str, Any], *, was: str) -> bool:
        """fal provably did not take it, or no byte was sent; so another attempt may follow."""
        return bool(
            Attempt.objects.filter(pk=self.pk, state=was, request_id=None).update(
                state=self.State.REJECTED, reply=reply, answered_at=now()
            )
        )

    def doubt(self, reply: dict[str, Any]) -> bool:
        """No answer that proves anything: never followed by another attempt."""
        return bool(
            Attempt.objects.filter(pk=self.pk, state=self.State.SENDING, request_id=None).update(
                state=self.State.AMBIGUOUS, reply=reply, answered_at=now()
            )
        )

    def looked_in_vain(self) -> int:
        """One more look in a row at which fal did not know it, or had nothing of use; how many so far."""
        Attempt.objects.filter(pk=self.pk).update(
            lost_looks=models.F("lost_looks") + 1,
            lost_since=Coalesce("lost_since", models.Value(now(), output_field=models.DateTimeField())),
        )
        self.refresh_from_db(fields=["lost_looks", "lost_since"])
        return self.lost_looks

    def was_seen(self) -> None:
        """fal knows it: earlier looks in vain say nothing any more."""
        if self.lost_looks:
            Attempt.objects.filter(pk=self.pk).update(lost_looks=0, lost_since=None)

    def adopt(self, request_id: str, **urls: str) -> bool:
        """Record fal's request id; False when another id is recorded already.

        Fenced by the attempt, not by the epoch: it only ever adds knowledge, and a worker whose POST
        outlived its lease must still be able to say what fal answered.
        """
        known = models.Q(request_id=None) | models.Q(request_id=request_id)
        learnt = {
            "state": self.State.ACCEPTED.value,
            "request_id": request_id,
            "answered_at": now(),
            # What was looked for in vain before it was found says nothing about it.
            "lost_looks": 0,
            "lost_since": None,
            **urls,
        }
        try:
            with transaction.atomic():
                won = Attempt.objects.filter(known, pk=self.pk).update(**learnt)
        except IntegrityError:  # the id belongs to another attempt: a duplicate paid submission or a forgery
            return False
        for name, value in learnt.items() if won else ():
            setattr(self, name, value)
        return bool(won)


class Delivery(models.Model):
    """A webhook that proved to be fal's and ours. The motor works on it; the view only stores it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="deliveries")
    # sha256 over request id and body: a delivery repeated by fal is one row.
    digest = models.CharField(max_length=64, unique=True)
    request_id = models.CharField(max_length=64)
    status = models.CharField(max_length=10)
    body = models.JSONField()
    stale = models.BooleanField(default=False)
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["received_at"]
        indexes = [
            models.Index(
                fields=["received_at"], condition=models.Q(processed_at=None), name="delivery_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.request_id}"
