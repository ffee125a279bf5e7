"""What an operator sets and what tells an operator that all is running."""

from datetime import timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from generations.timing import now


class EndpointSwitch(models.Model):
    """An administrator's word on one endpoint; without a row it is on sale as the catalogue says."""

    endpoint = models.CharField(max_length=120, primary_key=True)
    on_sale = models.BooleanField(default=True)
    older_choices = models.BooleanField(
        default=False, help_text="Also offer values that only older fal pages list (1:1 on Fast)."
    )
    note = models.CharField(max_length=200, blank=True, default="", help_text="Shown when it is off.")

    class Meta:
        verbose_name_plural = "endpoint switches"

    def __str__(self) -> str:
        return f"{self.endpoint}: {'on' if self.on_sale else 'off'}"

    @classmethod
    def of(cls, endpoint_id: str) -> "EndpointSwitch":
        """The switch of an endpoint, saved or not."""
        return cls.objects.filter(pk=endpoint_id).first() or cls(endpoint=endpoint_id)


class Heartbeat(models.Model):
    """When a process was last alive; `/readyz` reads the reconciler's."""

    name = models.CharField(max_length=40, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.seen_at:%H:%M:%S}"

    @classmethod
    def beat(cls, name: str) -> None:
        """Alive now."""
        moment = now()
        if not cls.objects.filter(pk=name).update(seen_at=moment):
            cls.objects.get_or_create(pk=name, defaults={"seen_at": moment})

    @classmethod
    def age(cls, name: str) -> timedelta | None:
        """How long ago, or None when never."""
        seen = cls.objects.filter(pk=name).values_list("seen_at", flat=True).first()
        return now() - seen if seen else None


class Leadership(models.Model):
    """Which process may do what only one may: a lease, for databases without advisory locks."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=40)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder} until {self.until:%H:%M:%S}"

    @classmethod
    def take(cls, name: str, holder: str, *, term: timedelta) -> bool:
        """Take or keep it for a term; False while somebody else's term runs."""
        moment = now()
        mine_or_over = Q(holder=holder) | Q(until__lte=moment)
        if cls.objects.filter(mine_or_over, name=name).update(holder=holder, until=moment + term):
            return True
        try:
            with transaction.atomic():
                cls.objects.create(name=name, holder=holder, until=moment + term)
        except IntegrityError:
            return False
        return True


class Notice(models.Model):
    """Words of the house to everybody: a bar on every page, or a box beside the create form."""

    class Place(models.TextChoices):
        BAR = "bar", "Bar on every page"
        CREATE = "create", "Box on the create page"

    place = models.CharField(max_length=10, primary_key=True, choices=Place.choices)
    title = models.CharField(max_length=200)
    # One entry a line; `word: what it means` becomes a definition.
    body = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.title

    @property
    def entries(self) -> list[tuple[str, str]]:
        """The body as pairs of term and text; the term is empty for plain lines."""
        pairs = []
        for line in filter(None, (each.strip() for each in self.body.splitlines())):
            term, colon, text = line.partition(": ")
            pairs.append((term, text) if colon else ("", line))
        return pairs
