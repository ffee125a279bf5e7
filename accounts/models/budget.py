"""Budgets: how many credits a month may be spent, by whom and for what. All that apply must pass.

A budget counts what is held and charged in its month in `used`, so that the statement that takes a hold can
check it. It is the sum of the holds that it is about (`accounts.books` compares), because each hold says who
spent it, in which role, by which token and for what.
"""

# ruff: noqa: S608 - what is put into these statements are our own words, never a value
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import Q, Sum
from django.utils import timezone

from accounts.models.people import Role, User, Workspace
from accounts.models.tokens import ApiToken
from accounts.reserve import Guard

if TYPE_CHECKING:
    from accounts.models.wallet import Hold, Wallet

# Whose and what a budget is about; empty means everybody's, or everything.
ABOUT = """b.workspace_id = %(workspace)s{uuid}
    AND (b.member_id IS NULL OR b.member_id = %(spender)s{number})
    AND (b.role = '' OR b.role = %(role)s{text})
    AND (b.token_id IS NULL OR b.token_id = %(token)s{uuid})
    AND (b.tier = '' OR b.tier = %(tier)s{text})
    AND (b.resolution = '' OR b.resolution = %(resolution)s{text})"""
# A month that lies behind the budget's is the clock of a slow machine: nothing is counted into the past.
FITS = """b.month <= %(month)s{date}
    AND (CASE WHEN b.month = %(month)s{date} THEN b.used ELSE 0 END + %(amount)s{number} <= b.most
         OR (%(approved)s{truth} AND b.beyond = 'ask'))"""
COUNT = """used = CASE WHEN b.month = %(month)s{date} THEN b.used ELSE 0 END + %(amount)s{number},
    warned = CASE WHEN b.month = %(month)s{date} THEN b.warned ELSE 0 END, month = %(month)s{date}"""
CASTS = {"uuid": "::uuid", "number": "::bigint", "text": "::text", "date": "::date", "truth": "::boolean"}
PLAIN = dict.fromkeys(CASTS, "")


def _cast(text: str) -> str:
    return text.format(**CASTS)


# The wallet is locked before its budgets, as everywhere. What is decided about a budget is decided on the
# locked row, not on what it was when the statement began. A budget made since then is not seen at all; but
# it raised the wallet's round, so the statement finds no wallet and is sent again.
WITHIN_BUDGETS = Guard(
    postgresql=_cast(
        f"""purse AS MATERIALIZED (
    SELECT id, posted - held AS available FROM accounts_wallet
    WHERE id = %(wallet)s{{number}} AND budget_round = %(round)s{{number}} FOR NO KEY UPDATE
), budgets AS MATERIALIZED (
    SELECT b.id, {FITS} AS fits FROM purse CROSS JOIN accounts_budget b WHERE {ABOUT} FOR NO KEY UPDATE OF b
), guard AS (
    UPDATE accounts_wallet w SET held = w.held + %(amount)s{{number}} FROM purse
    WHERE w.id = purse.id AND purse.available >= %(amount)s{{number}} AND NOT w.closed
      AND NOT EXISTS (SELECT 1 FROM budgets WHERE NOT fits) RETURNING 1
), counted AS (
    UPDATE accounts_budget b SET {COUNT} FROM guard WHERE b.id IN (SELECT id FROM budgets)
)"""
    ),
    sqlite=tuple(
        statement.format(**PLAIN)
        for statement in (
            f"""UPDATE accounts_wallet SET held = held + %(amount)s
                WHERE id = %(wallet)s AND budget_round = %(round)s AND posted >= held + %(amount)s
                  AND NOT EXISTS (SELECT 1 FROM accounts_budget b WHERE {ABOUT} AND NOT ({FITS}))
                  AND NOT closed""",
            f"UPDATE accounts_budget AS b SET {COUNT} WHERE {ABOUT}",
        )
    ),
)

# Shares of a budget, in per cent, that people are told of when it is used up so far.
LEVELS = (50, 80, 100)


def month_of(moment: datetime) -> date:
    """The first day of its month, in UTC."""
    return moment.astimezone(timezone.get_default_timezone()).date().replace(day=1)


class BudgetQuerySet(models.QuerySet["Budget"]):
    """Selections of budgets."""

    def about(self, hold: "Hold") -> "BudgetQuerySet":
        """Those that a hold counts against."""
        return self.filter(
            Q(member=None) | Q(member=hold.spender_id),
            Q(role="") | Q(role=hold.role),
            Q(token=None) | Q(token=hold.token_id),
            Q(tier="") | Q(tier=hold.tier),
            Q(resolution="") | Q(resolution=hold.resolution),
            workspace__wallet=hold.wallet_id,
        )

    def in_the_way(self, hold: "Hold", amount: int) -> list["Budget"]:
        """Those that so many credits would exceed this month, tightest first. For telling people only."""
        month = month_of(timezone.now())
        found = [each for each in self.about(hold) if each.left(month) < amount]
        return sorted(found, key=lambda each: each.left(month))

    def give_back(self, hold: "Hold", amount: int) -> None:
        """What was counted and is not spent after all. Needs the transaction that has the wallet locked."""
        if hold.month:
            self.about(hold).filter(month=hold.month).update(used=models.F("used") - amount)


class Budget(models.Model):
    """Credits a month at most. `beyond` says what becomes of a shot that does not fit."""

    class Beyond(models.TextChoices):
        REFUSE = "refuse", "Refuse it"
        ASK = "ask", "Ask for approval"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="budgets")
    member = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices, blank=True, default="")
    token = models.ForeignKey(ApiToken, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    # A quality or a resolution of the catalogue.
    tier = models.CharField(max_length=12, blank=True, default="")
    resolution = models.CharField(max_length=8, blank=True, default="")
    most = models.PositiveBigIntegerField()
    beyond = models.CharField(max_length=6, choices=Beyond.choices, default=Beyond.REFUSE)
    month = models.DateField()
    used = models.BigIntegerField(default=0)
    # The highest share of it, in per cent, that people were told of this month.
    warned = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(used__gte=0), name="budget_used"),
            models.CheckConstraint(
                condition=Q(member=None, role="") | Q(member=None, token=None) | Q(role="", token=None),
                name="budget_of_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.most} a month for {self.subject}"

    @property
    def subject(self) -> str:
        """Whose and what, in words."""
        who = str(self.member or self.token or "")
        who = who or (f"all with the role {self.get_role_display()}" if self.role else "the workspace")
        what = " ".join(each for each in (self.tier, self.resolution) if each)
        return f"{who}, {what}" if what else who

    def spent(self, month: date | None = None) -> int:
        """Credits held and charged in a month, this one unless another is named."""
        return self.used if self.month == (month or month_of(timezone.now())) else 0

    def left(self, month: date | None = None) -> int:
        """Credits that may still be spent; below zero after an exception or a cut."""
        return self.most - self.spent(month)

    def is_about(self, hold: "Hold") -> bool:
        """Whether a hold, saved or not, counts against it; what `ABOUT` and `about` say, of one in hand."""
        pairs = (
            (self.member_id, hold.spender_id),
            (self.role, hold.role),
            (self.token_id, hold.token_id),
            (self.tier, hold.tier),
            (self.resolution, hold.resolution),
        )
        return all(wanted == given for wanted, given in pairs if wanted)

    @property
    def level(self) -> int:
        """The highest of `LEVELS` that is used up this month; 0 for none, and where nothing is allowed."""
        used = self.spent()
        return max((each for each in LEVELS if self.most and used * 100 >= self.most * each), default=0)

    @property
    def terms(self) -> dict[str, Any]:
        """What was agreed, for the audit trail."""
        return {"about": self.subject, "most": self.most, "beyond": self.beyond}

    def count(self) -> None:
        """Set `used` from the holds of this month; for a new budget. Needs the wallet locked."""
        from accounts.models.wallet import Hold  # noqa: PLC0415 - holds are counted by budgets, both ways

        self.month = month_of(timezone.now())
        holds = Hold.objects.filter(wallet__workspace=self.workspace_id, month=self.month)
        spent = holds.exclude(state=Hold.State.RELEASED).exclude(entry__corrected_by__isnull=False)
        for name in ("role", "tier", "resolution"):
            if wanted := getattr(self, name):
                spent = spent.filter(**{name: wanted})
        if self.member_id:
            spent = spent.filter(spender=self.member_id)
        if self.token_id:
            spent = spent.filter(token=self.token_id)
        self.used = spent.aggregate(total=Sum("amount"))["total"] or 0


def values_of(hold: "Hold", wallet: "Wallet", *, amount: int, approved: bool) -> dict[str, Any]:
    """What `WITHIN_BUDGETS` needs, as the database takes it."""
    as_key = Workspace._meta.pk.get_db_prep_value
    return {
        "workspace": as_key(wallet.workspace_id, connection),
        "wallet": wallet.pk,
        "round": wallet.budget_round,
        "amount": amount,
        "month": str(hold.month),
        "approved": approved,
        "spender": hold.spender_id,
        "role": hold.role,
        "token": as_key(hold.token_id, connection) if hold.token_id else None,
        "tier": hold.tier,
        "resolution": hold.resolution,
    }
