"""Credits: a wallet per workspace, holds on it, and the append-only ledger.

`available = posted - held`. Whole credits only. Every movement is one of the verbs of `Wallet`;
nothing else writes a balance. Each verb is decided by a conditional UPDATE whose row count is
checked, never by reading a balance first, so it is right under any number of writers on both databases.
"""

import uuid
from collections.abc import Sequence

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.budget import WITHIN_BUDGETS, Budget, month_of, values_of
from accounts.models.people import Membership, Role, User, Workspace
from accounts.models.tokens import ApiToken
from accounts.reserve import Guard, insert_if

# Where nobody has set a budget there is none to look for.
TAKE = Guard(
    postgresql="""guard AS (UPDATE accounts_wallet SET held = held + %(amount)s::bigint
        WHERE id = %(wallet)s::bigint AND posted >= held + %(amount)s::bigint AND NOT budgeted
        RETURNING 1)""",
    sqlite=(
        """UPDATE accounts_wallet SET held = held + %(amount)s
        WHERE id = %(wallet)s AND posted >= held + %(amount)s AND NOT budgeted""",
    ),
)


def open_workspace(name: str, *, owner: User, personal: bool = False) -> Workspace:
    """A workspace with its owner and its empty wallet, all or nothing."""
    with transaction.atomic():
        workspace = Workspace.objects.create(name=name, personal=personal)
        Membership.objects.create(user=owner, workspace=workspace, role=Role.OWNER)
        Wallet.objects.create(workspace=workspace)
    return workspace


class Wallet(models.Model):
    """A workspace's credits. `posted` is the sum of its ledger, `held` the sum of its open holds."""

    workspace = models.OneToOneField(Workspace, on_delete=models.PROTECT, related_name="wallet")
    posted = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    # Whether the workspace has a budget of any kind; set with the first.
    budgeted = models.BooleanField(default=False, db_default=False)
    # Raised with each new budget: a statement that began before it cannot see it.
    budget_round = models.PositiveIntegerField(default=0, db_default=0)
    # Nothing can be held any more. Set together with `budgeted`, so the quick way needs not ask for it.
    closed = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_not_negative"),
            # The backstop behind every verb: overdraft is impossible even by a mistake in this file.
            models.CheckConstraint(condition=Q(posted__gte=F("held")), name="wallet_no_overdraft"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace}: {self.available} available"

    @property
    def available(self) -> int:
        """Credits that may be held now."""
        return self.posted - self.held

    def grant(self, amount: int, *, cause: str, actor: User | None = None, reason: str = "") -> "LedgerEntry":
        """Add credits. `cause` names where they come from; the same cause twice is an IntegrityError."""
        return self._post(LedgerEntry.Kind.GRANT, amount, cause=f"grant:{cause}", actor=actor, reason=reason)

    def adjust(self, amount: int, *, cause: str, actor: User | None, reason: str) -> "LedgerEntry":
        """Correct by hand, up or down, with a reason. IntegrityError when more is taken than is available."""
        return self._post(
            LedgerEntry.Kind.ADJUST, amount, cause=f"adjust:{cause}", actor=actor, reason=reason
        )

    def hold(
        self, holds: Sequence["Hold"], *, rows: Sequence[models.Model] = (), approved: bool = False
    ) -> bool:
        """Reserve all of `holds` and insert `rows` with them, or do nothing and answer False.

        All of one spender and for one thing. Credits and every budget are checked by the statement that
        takes the hold, on PostgreSQL a single one, on SQLite one short IMMEDIATE transaction
        (`accounts.reserve`). `approved`: budgets that ask do not stop it, but count it.
        """
        amount, month = sum(hold.amount for hold in holds), month_of(timezone.now())
        for hold in holds:
            hold.wallet, hold.month = self, month
        inserted = [*holds, *rows]
        while True:
            if self.budgeted:
                values = values_of(holds[0], self, amount=amount, approved=approved)
                held = insert_if(WITHIN_BUDGETS, values, inserted)
            else:
                held = insert_if(TAKE, {"amount": amount, "wallet": self.pk}, inserted)
            if held or not self._was_given_a_budget():
                return held

    def _was_given_a_budget(self) -> bool:
        """Since it was read. A statement that waited for the wallet sees no budget made meanwhile."""
        known = self.budget_round
        self.refresh_from_db(fields=["posted", "held", "budgeted", "budget_round", "closed"])
        return self.budget_round != known

    @staticmethod
    def capture(hold_id: uuid.UUID) -> "LedgerEntry | None":
        """Turn a hold into a charge; None when it was resolved before (then nothing is written)."""
        with transaction.atomic():
            hold = Hold.resolve(hold_id, Hold.State.CAPTURED)
            if hold is None:
                return None
            charge = hold.wallet._post  # noqa: SLF001 - a wallet of this very class
            return charge(LedgerEntry.Kind.CAPTURE, -hold.amount, cause=f"capture:{hold.pk}", hold=hold)

    @staticmethod
    def release(hold_id: uuid.UUID) -> bool:
        """Give a hold back; False when it was resolved before."""
        with transaction.atomic():
            hold = Hold.resolve(hold_id, Hold.State.RELEASED)
            if hold is None:
                return False
            Wallet.objects.filter(pk=hold.wallet_id).update(held=F("held") - hold.amount)
            if hold.wallet.budgeted:
                Budget.objects.give_back(hold, hold.amount)
            return True

    def refund(self, capture: "LedgerEntry", *, actor: User | None, reason: str) -> "LedgerEntry":
        """Give a charge of this wallet back in full; a second time is an IntegrityError."""
        if capture.wallet_id != self.pk:
            raise ValueError("a charge is refunded to the wallet that paid it")
        with transaction.atomic():
            entry = self._post(
                LedgerEntry.Kind.REFUND,
                -capture.amount,
                cause=f"refund:{capture.pk}",
                actor=actor,
                reason=reason,
                corrects=capture,
            )
            if capture.hold and self.budgeted:  # as it is now that the wallet is locked
                Budget.objects.give_back(capture.hold, -capture.amount)
        return entry

    def _post(
        self,
        kind: str,
        amount: int,
        *,
        cause: str,
        actor: User | None = None,
        reason: str = "",
        hold: "Hold | None" = None,
        corrects: "LedgerEntry | None" = None,
    ) -> "LedgerEntry":
        with transaction.atomic():
            # The UPDATE locks the row first, so the numbers read after it are this entry's own.
            Wallet.objects.filter(pk=self.pk).update(
                posted=F("posted") + amount,
                held=F("held") - (hold.amount if hold else 0),
                seq=F("seq") + 1,
            )
            self.refresh_from_db(fields=["posted", "held", "seq", "budgeted"])
            return LedgerEntry.objects.create(
                wallet=self,
                seq=self.seq,
                kind=kind,
                amount=amount,
                balance_after=self.posted,
                hold=hold,
                corrects=corrects,
                cause_key=cause,
                actor=actor,
                reason=reason,
            )


class Hold(models.Model):
    """Credits set aside for one thing until it is captured or released, once."""

    class State(models.TextChoices):
        HELD = "held", "Held"
        CAPTURED = "captured", "Charged"
        RELEASED = "released", "Released"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    amount = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.HELD)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    # What budgets ask: who spends, in what role, by which token, for what, and in which month it counts.
    spender = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    role = models.CharField(max_length=10, blank=True, default="", db_default="")
    token = models.ForeignKey(
        ApiToken, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    tier = models.CharField(max_length=12, blank=True, default="", db_default="")
    resolution = models.CharField(max_length=8, blank=True, default="", db_default="")
    month = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_positive"),
            models.CheckConstraint(
                condition=Q(state="held", resolved_at=None)
                | Q(state__in=["captured", "released"], resolved_at__isnull=False),
                name="hold_resolved_once",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet"], condition=Q(state="held"), name="hold_open"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"

    @classmethod
    def resolve(cls, hold_id: uuid.UUID, state: str) -> "Hold | None":
        """Leave `held` for `state`; the winner gets the row, everybody else None. Needs a transaction."""
        # Every verb locks the wallet before a hold: transactions of several verbs never wait in a circle.
        locked = cls.objects.select_related("wallet").select_for_update(of=("wallet",), no_key=True)
        hold = locked.filter(pk=hold_id).first()
        mine = cls.objects.filter(pk=hold_id, state=cls.State.HELD)
        if hold is None or not mine.update(state=state, resolved_at=timezone.now()):
            return None
        hold.state = state
        return hold


class LedgerEntry(models.Model):
    """One posted movement. Never changed or removed; a mistake is corrected by a further entry."""

    class Kind(models.TextChoices):
        GRANT = "grant", "Credits added"
        CAPTURE = "capture", "Clip charged"
        REFUND = "refund", "Refund"
        ADJUST = "adjust", "Adjustment"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    seq = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    hold = models.OneToOneField(Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="entry")
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by"
    )
    cause_key = models.CharField(max_length=120, unique=True)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "seq"], name="entry_no_gap_twice"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_balance"),
            models.CheckConstraint(
                condition=Q(kind="grant", amount__gt=0, hold=None, corrects=None)
                | Q(kind="capture", amount__lt=0, hold__isnull=False, corrects=None)
                | Q(kind="refund", amount__gt=0, hold=None, corrects__isnull=False)
                | (Q(kind="adjust", hold=None, corrects=None) & ~Q(amount=0) & ~Q(reason="")),
                name="entry_shape",
            ),
        ]
        ordering = ["-seq"]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+d}"
