"""A generation: one requested clip, its state machine and the only code that changes its state."""

import logging
import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Hold, User, Wallet, Workspace
from accounts.policy import Actor
from generations import telling
from generations.models.media import Clip
from generations.models.state import FIRST, MOVES, OPEN, TERMINAL, UNPAID, WITH_FAL, State, Visibility
from generations.timing import MINUTE, business, now

if TYPE_CHECKING:
    from generations.waits import Standing

logger = logging.getLogger(__name__)


def ripe(moment: datetime) -> Q:
    """Its time has come and nobody works on it.

    What waits in line is the dispatcher's, except to be cancelled or to end at its deadline.
    """
    free = Q(lease_until=None) | Q(lease_until__lte=moment)
    in_line = Q(state=State.QUEUED, turn_at=None, cancel_requested_at=None, deadline_at__gt=moment)
    return free & ~in_line & Q(wake_at__lte=moment)


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Selections of generations. Every view starts from `visible_to`."""

    def of(self, actor: Actor) -> "GenerationQuerySet":
        """What is the actor's to see: their workspace's, less what a colleague keeps private."""
        own = Q(author=actor.user) | ~Q(visibility=Visibility.PRIVATE)
        return self.filter(own, workspace=actor.workspace)

    def visible_to(self, actor: Actor) -> "GenerationQuerySet":
        """Of those, what is not in the bin."""
        return self.of(actor).filter(deleted_at=None)

    def in_bin_of(self, actor: Actor) -> "GenerationQuerySet":
        """Of those, what is."""
        return self.of(actor).filter(deleted_at__isnull=False)

    def waiting(self) -> "GenerationQuerySet":
        """In our own line: nothing was sent, and the dispatcher has not given them a turn."""
        return self.filter(state=State.QUEUED, turn_at=None)

    def awaiting(self) -> "GenerationQuerySet":
        """Over a budget, and nobody has decided yet."""
        return self.filter(state=State.AWAITING)

    def out(self) -> "GenerationQuerySet":
        """What takes one of our places at fal: with it, or about to be sent."""
        return self.filter(Q(state__in=WITH_FAL) | Q(state=State.QUEUED, turn_at__isnull=False))

    def overdue(self, moment: datetime) -> "GenerationQuerySet":
        """Open rows whose time has come and that nobody works on, oldest first."""
        return self.filter(ripe(moment)).order_by("wake_at")

    def due(self, moment: datetime, rung_before: datetime) -> "GenerationQuerySet":
        """Those of them that nobody was lately asked to look at."""
        return self.overdue(moment).filter(Q(poked_at=None) | Q(poked_at__lte=rung_before))

    def for_cards(self) -> "GenerationQuerySet":
        """With all that a card shows, in one query."""
        return self.select_related("author", "hold", "clip")


# What another process may have written since a row was read, and a step looks at.
CHANGING = (
    "state",
    "epoch",
    "lease_until",
    "wake_at",
    "deadline_at",
    "tries",
    "turn_at",
    "queue_position",
    "cancel_requested_at",
    "cancel_sent_at",
    "reason",
)


class Generation(models.Model):
    """One requested clip. Rows are never deleted: the bin sets `deleted_at`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="generations")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="generations")
    created_at = models.DateTimeField(default=timezone.now)

    # One press of the button: its takes share the key, and no key is spent twice.
    form_key = models.UUIDField()
    take = models.PositiveSmallIntegerField(default=1)
    input_digest = models.CharField(max_length=64)

    endpoint = models.CharField(max_length=120)
    mode = models.CharField(max_length=12)
    prompt = models.TextField()
    # fal's parameter names; files are upload ids until an attempt sends them.
    input = models.JSONField(default=dict)
    resolution = models.CharField(max_length=8, blank=True, default="")
    seconds = models.PositiveSmallIntegerField()
    audio = models.BooleanField()
    remix_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="remixes"
    )

    # None only while it awaits approval, and if it ended there.
    hold = models.OneToOneField(
        Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="generation"
    )
    cost = models.PositiveIntegerField()
    usd = models.DecimalField(max_digits=10, decimal_places=4)
    price_lines = models.JSONField(default=list)
    price_version = models.CharField(max_length=20)

    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    # When the reconciler last rang for it, so that a full queue is not filled with repeats.
    poked_at = models.DateTimeField(null=True, blank=True)
    # When the dispatcher let it go on to fal; empty while it waits in our own line.
    turn_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField()
    # Looks at the current state so far; sets how long to wait until the next one.
    tries = models.PositiveIntegerField(default=0)
    queue_position = models.PositiveIntegerField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    late_free = models.BooleanField(default=False)

    reason = models.CharField(max_length=20, blank=True, default="")
    reason_field = models.CharField(max_length=40, blank=True, default="")
    reason_detail = models.CharField(max_length=500, blank=True, default="")

    clip = models.OneToOneField(
        Clip, null=True, blank=True, on_delete=models.PROTECT, related_name="generation"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    visibility = models.CharField(
        max_length=10,
        choices=Visibility.choices,
        default=Visibility.WORKSPACE,
        db_default=Visibility.WORKSPACE.value,
    )
    # Part of the shared address; drawn anew each time, so that unsharing ends what was given out.
    link_key = models.UUIDField(null=True, blank=True)

    objects = GenerationQuerySet.as_manager()

    # What pages say while it is open; `generations.waits` knows.
    standing: "Standing | None" = None
    typical: int | None = None
    # While it awaits approval: over which limit, and who may decide.
    over: str = ""
    decided_by: str = ""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["author", "form_key", "take"], name="generation_pressed_once"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="generation_state"),
            models.CheckConstraint(
                condition=Q(state__in=TERMINAL, wake_at=None) | Q(state__in=OPEN, wake_at__isnull=False),
                name="generation_open_has_wake",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.SUCCEEDED) | Q(clip__isnull=False), name="generation_has_clip"
            ),
            models.CheckConstraint(
                condition=Q(late_free=False) | Q(state=State.SUCCEEDED), name="generation_gift"
            ),
            models.CheckConstraint(condition=Q(cost__gt=0), name="generation_cost"),
            models.CheckConstraint(
                condition=Q(state=State.AWAITING, hold=None)
                | ~Q(state=State.AWAITING) & (Q(hold__isnull=False) | Q(state__in=UNPAID)),
                name="generation_has_hold",
            ),
            models.CheckConstraint(
                condition=Q(visibility=Visibility.LINK, link_key__isnull=False)
                | Q(visibility__in=[Visibility.PRIVATE, Visibility.WORKSPACE], link_key=None),
                name="generation_visibility",
            ),
        ]
        indexes = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="generation_due"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="generation_team"),
            models.Index(fields=["workspace", "author", "-created_at", "-id"], name="generation_mine"),
            models.Index(
                fields=["workspace", "author", "created_at"],
                condition=Q(state=State.QUEUED),
                name="generation_in_line",
            ),
            models.Index(
                fields=["workspace", "created_at"],
                condition=Q(state=State.AWAITING),
                name="generation_awaiting",
            ),
            models.Index(
                fields=["workspace", "author"], condition=Q(state__in=WITH_FAL), name="generation_with_fal"
            ),
            models.Index(
                fields=["endpoint", "resolution", "-finished_at"],
                condition=Q(state=State.SUCCEEDED),
                name="generation_typical",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"

    @property
    def is_open(self) -> bool:
        """Whether something may still happen to it."""
        return State(self.state) in OPEN

    def hidden_from(self, user: User) -> bool:
        """Whether it is a colleague's private matter: nothing of it is shown but what it costs."""
        return self.visibility == Visibility.PRIVATE and self.author_id != user.pk

    @property
    def revision(self) -> str:
        """Changes whenever a card of it would look different."""
        place = f"{self.standing.place}.{self.standing.delayed:d}" if self.standing else ""
        asked, turn = bool(self.cancel_requested_at), bool(self.turn_at)
        return f"{self.state}-{self.queue_position}-{asked:d}{turn:d}{self.is_slow:d}-{place}"

    @property
    def waiting_since(self) -> datetime:
        """When what it waits for now began: its turn to be sent, or else its order."""
        return self.turn_at or self.created_at

    @property
    def is_slow(self) -> bool:
        """Whether fal has had it for longer than it usually takes."""
        with_fal = self.state == State.SUBMITTED and self.typical is not None
        return with_fal and now() > self.waiting_since + timedelta(seconds=self.typical or 0)

    @property
    def charged(self) -> int:
        """Credits taken for it."""
        return self.hold.amount if self.hold and self.hold.state == Hold.State.CAPTURED else 0

    @property
    def held(self) -> int:
        """Credits set aside for it now."""
        return self.hold.amount if self.hold and self.hold.state == Hold.State.HELD else 0

    @property
    def is_asleep(self) -> bool:
        """Whether it asked not to be looked at yet; a poke is no reason to be impatient."""
        return self.wake_at is not None and self.wake_at > now()

    @property
    def can_cancel_free(self) -> bool:
        """Nothing has been sent to fal yet."""
        return self.state in FIRST

    # ── The only writers of `state` ─────────────────────────────────────────────────────────────

    def move(self, to: State, *, cause: str, detail: dict[str, Any] | None = None, **fields: Any) -> bool:
        """Compare-and-set from the state and epoch this object was read with; the winner alone acts.

        Writes the change down in the same transaction. A worker that slept past its lease holds an
        old epoch and loses. What was not written is as it was read. `ValueError` for a move the table
        does not have.
        """
        if to not in MOVES[State(self.state)]:
            raise ValueError(f"{self.state} → {to} is not a move")
        fields = {"lease_until": None, "tries": 0, **fields}
        if to in TERMINAL:
            fields |= {"wake_at": None, "finished_at": now()}
        if to == State.QUEUED:
            fields |= {"turn_at": None}
        told = "generation=%s event=moved before=%s after=%s cause=%s", self.pk, self.state, str(to), cause
        with transaction.atomic(savepoint=False):
            won = Generation.objects.filter(pk=self.pk, state=self.state, epoch=self.epoch).update(
                state=to, epoch=F("epoch") + 1, **fields
            )
            if not won:
                return False
            StateChange.objects.create(
                generation=self, before=self.state, after=to, cause=cause, detail=detail or {}
            )
            transaction.on_commit(partial(logger.info, *told), robust=True)
        self._wrote(state=to.value, **fields)
        return True

    def claim(self, to: State, *, seconds: float, cause: str) -> bool:
        """Move and hold a lease: whoever finds it expired knows that this worker died."""
        until = now() + timedelta(seconds=seconds)
        return self.move(to, cause=cause, lease_until=until, wake_at=until)

    def lease(self, *, seconds: float) -> bool:
        """Take (or take over) the current state's work; fences off whoever had it before."""
        moment = now()
        free = Q(lease_until=None) | Q(lease_until__lte=moment)
        until = moment + timedelta(seconds=seconds)
        state = self.state
        won = Generation.objects.filter(free, pk=self.pk, state=self.state, epoch=self.epoch).update(
            epoch=F("epoch") + 1, lease_until=until, wake_at=until
        )
        if won:
            self.refresh_from_db(fields=CHANGING)
        # A webhook needs no lease to move it on, and may have done so since.
        return bool(won) and self.state == state

    def renew(self, *, seconds: float) -> bool:
        """Keep a lease for longer; False when somebody took it over meanwhile."""
        until = now() + timedelta(seconds=seconds)
        mine = Generation.objects.filter(pk=self.pk, state=self.state, epoch=self.epoch)
        return bool(mine.update(lease_until=until, wake_at=until))

    def confirm(self, *, seconds: float) -> bool:
        """The last word before bytes leave: False when the lease was taken over or a cancel came.

        Bumps the epoch, so whoever decided on what the row said before this has lost.
        """
        until = now() + timedelta(seconds=seconds)
        mine = Generation.objects.filter(pk=self.pk, state=self.state, epoch=self.epoch)
        won = mine.filter(cancel_requested_at=None).update(
            epoch=F("epoch") + 1, lease_until=until, wake_at=until
        )
        if won:
            self._wrote(lease_until=until, wake_at=until)
        return bool(won)

    def _wrote(self, **fields: Any) -> None:
        """By the epoch nobody else did meanwhile, so there is no need to read it back."""
        self.epoch += 1
        for name, value in fields.items():
            setattr(self, name, value)

    def finish(self, to: State, *, cause: str, **fields: Any) -> bool:
        """End it: hold resolved and state changed in one transaction, or neither.

        Captured when it succeeds, released on every other end; a result after a failure is free.
        The hold goes first: the database refuses an ended generation whose hold is open.
        """
        late = self.state == State.FAILED
        with transaction.atomic():
            settle = Wallet.capture if to == State.SUCCEEDED else Wallet.release
            settled = late or self.hold_id is None or settle(self.hold_id)
            if settled and self.move(to, cause=cause, late_free=late, **fields):
                self._state.fields_cache.pop("hold", None)  # it is resolved
                telling.tell(self)
                return True
            transaction.set_rollback(True)
        return False

    def wait(self, seconds: float, **fields: Any) -> bool:
        """Nothing to do now: give the lease back and look again after so many (business) seconds."""
        wake_at = min(now() + business(seconds), self.deadline_at)
        fields = {"tries": F("tries") + 1, **fields}
        return bool(
            Generation.objects.filter(pk=self.pk, state=self.state, epoch=self.epoch).update(
                lease_until=None, wake_at=wake_at, **fields
            )
        )

    def put_off(self, seconds: float = MINUTE) -> None:
        """While nobody can be asked its deadline does not pass: give the lease back, and look later."""
        later = now() + business(seconds)
        Generation.objects.filter(pk=self.pk, epoch=self.epoch).update(
            deadline_at=later, wake_at=later, lease_until=None
        )


class StateChange(models.Model):
    """One edge walked, and why. Append-only."""

    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="changes")
    at = models.DateTimeField(default=timezone.now)
    before = models.CharField(max_length=20, blank=True, default="")
    after = models.CharField(max_length=20, choices=State.choices)
    cause = models.CharField(max_length=60)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["-id"], condition=Q(before=State.AWAITING), name="change_decided"),
        ]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}: {self.cause}"
