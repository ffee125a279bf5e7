"""How fal's door looks from here: closed circuit, open (nothing is sent), or trying with one request."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Case, F, Q, Value, When

from generations.timing import CALL, business, now

# So many bad answers in a row, within the window, and we stop asking.
FAILURES, WINDOW = 5, 30.0
# A probe costs nothing, so a fal that is back is found within two minutes.
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 120.0
# Seconds after a 429 until one more may be out, and one more.
REGROWS = 10.0


class Breaker(models.Model):
    """One row. Every change is compare-and-set, so of many workers exactly one probes.

    closed → open: many bad answers in a row, or one that says that our key or balance is no good.
    open → trying: the pause is over and a probe that costs nothing was answered.
    trying → closed: a paid request was taken (or refused by fal itself). trying → open: it was not.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "Closed: all is well"
        OPEN = "open", "Open: nothing is sent"
        TRYING = "trying", "Trying with one request"

    name = models.CharField(max_length=20, primary_key=True, default="fal")
    state = models.CharField(max_length=8, choices=State.choices, default=State.CLOSED)
    reason = models.CharField(max_length=120, blank=True, default="")
    # In a row, and since when: of paid requests, and of questions that cost nothing. Apart, because fal may
    # well answer questions while it takes no requests.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    silences = models.PositiveIntegerField(default=0)
    silent_since = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    # Until when nobody asks; while somebody probes, until when that one has the word.
    until = models.DateTimeField(null=True, blank=True)
    pause = models.FloatField(default=FIRST_PAUSE)
    tried_at = models.DateTimeField(null=True, blank=True)
    # At the last 429: how many requests we had out at most from then on; and when the next may go.
    places = models.PositiveIntegerField(null=True, blank=True)
    narrowed_at = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"

    @classmethod
    def current(cls) -> "Breaker":
        """As it is now; to look at it writes nothing."""
        return cls.objects.filter(pk="fal").first() or cls()

    @classmethod
    def _row(cls) -> "models.QuerySet[Breaker]":
        """The row, made when something is to be written down for the first time."""
        cls.objects.get_or_create(pk="fal")
        return cls.objects.filter(pk="fal")

    @property
    def is_open(self) -> bool:
        """Whether nothing may be sent, probes excepted."""
        return self.state == self.State.OPEN

    def recalls(self, turn_at: datetime) -> bool:
        """Whether a turn given then is void: the door was shut since, and is ajar for another one only."""
        shut_since = self.state == self.State.TRYING and self.opened_at and turn_at <= self.opened_at
        return self.is_open or bool(shut_since)

    def wants_probe(self) -> bool:
        """Whether the pause is over."""
        return self.is_open and (self.until is None or self.until <= now())

    def claim_probe(self) -> bool:
        """Have the word for one probe; False for all but one."""
        moment = now()
        due = Breaker.objects.filter(Q(until=None) | Q(until__lte=moment), pk=self.pk, state=self.State.OPEN)
        return bool(due.update(until=moment + max(timedelta(seconds=1.5 * CALL), business(self.pause))))

    def answered(self) -> bool:
        """The probe came through: let one paid request try."""
        return bool(
            Breaker.objects.filter(pk=self.pk, state=self.State.OPEN).update(
                state=self.State.TRYING, tried_at=None
            )
        )

    def claim_try(self) -> bool:
        """Be the one request; another may try when this one was never heard of again."""
        forgotten = Q(tried_at=None) | Q(tried_at__lte=now() - timedelta(seconds=2 * CALL))
        trying = Breaker.objects.filter(forgotten, pk=self.pk, state=self.State.TRYING)
        return bool(trying.update(tried_at=now()))

    @classmethod
    def not_tried(cls) -> None:
        """Whoever was to be the one request was not sent: another may be it, at once."""
        cls.objects.filter(pk="fal", state=cls.State.TRYING).update(tried_at=None)

    @classmethod
    def good(cls, *, paid: bool) -> None:
        """fal itself answered sensibly; only a paid request proves that it takes those again.

        Writes only when that is news.
        """
        row = cls.objects.filter(pk="fal")
        if not paid:
            row.filter(silences__gt=0).update(silences=0, silent_since=None)
            return
        row.filter(Q(state=cls.State.CLOSED, failures__gt=0) | Q(state=cls.State.TRYING)).update(
            state=cls.State.CLOSED,
            failures=0,
            failing_since=None,
            silences=0,
            silent_since=None,
            pause=FIRST_PAUSE,
            reason="",
            until=None,
            tried_at=None,
        )

    @classmethod
    def bad(cls, reason: str, *, paid: bool, at_once: bool = False) -> None:
        """fal did not answer, or not as itself; `at_once` when it would say the same to everybody."""
        count, since = ("failures", "failing_since") if paid else ("silences", "silent_since")
        moment, row = now(), cls._row()
        # The window is about the network, so no drill shrinks it.
        old = Q(**{since: None}) | Q(**{f"{since}__lte": moment - timedelta(seconds=WINDOW)})
        row.update(
            **{
                count: Case(When(old, then=Value(1)), default=F(count) + 1),
                since: Case(When(old, then=Value(moment)), default=F(since)),
            }
        )
        enough = Q() if at_once else Q(**{f"{count}__gte": FAILURES})
        opening = {"state": cls.State.OPEN, "reason": reason[:120], "tried_at": None}
        row.filter(enough, state=cls.State.CLOSED).update(
            opened_at=moment, pause=FIRST_PAUSE, until=moment + business(FIRST_PAUSE), **opening
        )
        trying = row.filter(Q() if paid else enough, state=cls.State.TRYING).first()
        if trying:  # the one request came back: twice the pause
            longer = min(trying.pause * 2, LONGEST_PAUSE)
            row.filter(state=cls.State.TRYING).update(
                pause=longer, until=moment + business(longer), **opening
            )

    def unanswered(self, reason: str) -> None:
        """The probe came to nothing: wait twice as long."""
        longer = min(self.pause * 2, LONGEST_PAUSE)
        Breaker.objects.filter(pk=self.pk, state=self.State.OPEN).update(
            pause=longer, until=now() + business(longer), reason=reason[:120]
        )

    # ── 429: fewer at a time ────────────────────────────────────────────────────────────────────

    @classmethod
    def throttle(cls, out: int, seconds: float) -> None:
        """fal has enough of us: a quarter fewer places than are in use, and nothing for so long.

        What else is refused before a place came back was sent at the same time, and says the same once more.
        """
        moment, row = now(), cls._row()
        anew = Q(narrowed_at=None) | Q(narrowed_at__lte=moment - business(REGROWS))
        row.filter(anew).update(places=max(1, out * 3 // 4), narrowed_at=moment)
        if seconds:
            row.update(quiet_until=moment + business(seconds))

    def places_of(self, most: int) -> int:
        """How many may be out now, when `most` may be: fewer after a 429, then one more every so often.

        With time, not with what fal takes: one long clip in the only place would hold up everybody.
        """
        if self.places is None or self.narrowed_at is None:
            return most
        return min(most, self.places + (now() - self.narrowed_at) // business(REGROWS))

    def room(self, most: int, out: int) -> int:
        """How many may be sent now, when so many are out and `most` may be."""
        if self.is_open or (self.quiet_until and self.quiet_until > now()):
            return 0
        return max(0, self.places_of(most) - out)
