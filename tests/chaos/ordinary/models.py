"""Accounts with a balance, clips with a state."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

PRICE = 40


class Account(models.Model):
    """A team's credits."""

    members = models.ManyToManyField(User)
    granted = models.IntegerField(default=0)
    balance = models.IntegerField(default=0)
    objects: ClassVar[models.Manager["Account"]] = models.Manager()

    def __str__(self) -> str:
        return f"account {self.pk}"

    def pay(self, clip: "Clip", amount: int) -> None:
        """Take credits for a clip, or give them back."""
        self.balance -= amount
        self.save()
        Payment.objects.create(clip=clip, amount=amount)


class Clip(models.Model):
    """One clip somebody ordered."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    form_key = models.CharField(max_length=32)
    prompt = models.TextField()
    state = models.CharField(max_length=10, default="queued")
    request_id = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    objects: ClassVar[models.Manager["Clip"]] = models.Manager()

    def __str__(self) -> str:
        return f"clip {self.pk}: {self.state}"

    def end(self, state: str) -> None:
        """It is over; a clip that failed or was cancelled is paid back."""
        self.state, self.finished_at = state, timezone.now()
        self.save()
        if state != "done":
            self.account.pay(self, -PRICE)


class Payment(models.Model):
    """What was taken for a clip, or given back."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE)
    amount = models.IntegerField()
    objects: ClassVar[models.Manager["Payment"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.amount} credits"
