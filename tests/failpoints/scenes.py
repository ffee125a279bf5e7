"""For each failpoint: how the play comes to it, whose step passes it, and how it must end."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from generations import motor
from generations.fal.failures import Reason
from generations.models import Generation, State
from generations.reconcile import sweep
from tests.rehearsal import End, Rehearsal

CLIP = End()
UNCONFIRMED = End(State.FAILED, Reason.UNCONFIRMED, accepted=0)
STOPPED = End(State.CANCELLED, Reason.CANCELLED)
GIFT = End(gift=True)


@dataclass
class Play:
    """One generation on the stage."""

    stage: Rehearsal
    key: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def generation(self) -> Generation:
        return Generation.objects.get(form_key=self.key)

    def row(self) -> dict[str, Any]:
        """Everything that is written about it, and how often fal was asked for it."""
        known = Generation.objects.filter(form_key=self.key).values().get()
        return {**known, "changes": self.generation.changes.count(), "taken": len(self.stage.fal.taken)}

    # ── What leads to a point ───────────────────────────────────────────────────────────────────

    def nothing(self) -> None:
        pass

    def placed(self) -> None:
        self.stage.order(self.key)

    def submitted(self) -> None:
        self.placed()
        motor.drive(self.generation.pk)
        assert self.generation.state == State.SUBMITTED
        self.stage.passes()

    def running(self) -> None:
        self.stage.fal.at_once = False
        self.submitted()

    def unwanted(self) -> None:
        self.running()
        self.cancel()
        self.stage.clear_bells()

    def storing(self) -> None:
        self.submitted()
        motor.drive(self.generation.pk)
        assert self.generation.state == State.STORING
        self.stage.clear_bells()
        self.stage.passes()

    # ── The step that passes it ─────────────────────────────────────────────────────────────────

    def order(self) -> None:
        self.stage.order(self.key)

    def drive(self) -> None:
        motor.drive(self.generation.pk)

    def store(self) -> None:
        motor.store(self.generation.pk)

    def webhook(self) -> None:
        self.stage.fal.tell(self.stage.fal.taken[-1])

    def cancel(self) -> None:
        address = reverse("generations:cancel", args=[self.generation.pk])
        assert self.stage.browser.post(address).status_code in (302, 500)

    def sweep(self) -> None:
        sweep()

    def again(self) -> None:
        """Whoever got no answer asks once more: the person presses again, fal calls back again."""
        self.stage.order(self.key)
        for one in self.stage.fal.taken:
            if one.told:
                assert self.stage.fal.tell(one) == 200


Part = Callable[[Play], None]


@dataclass(frozen=True)
class Scene:
    """`left` is how it ends when whoever passed the point never comes back; `back` when they do."""

    before: Part
    step: Part
    left: End = CLIP
    back: End = CLIP
    # Inside a transaction: until it is over, nobody else can have the rows.
    locks: bool = False


SCENES: dict[str, Scene] = {
    "order.holding": Scene(Play.nothing, Play.order),
    "order.placed": Scene(Play.nothing, Play.order),
    "line.turned": Scene(Play.placed, Play.drive),
    "submit.claimed": Scene(Play.placed, Play.drive),
    "submit.prepared": Scene(Play.placed, Play.drive),
    # No byte has left, and nobody can know: the worst there is, and it costs us one clip at most.
    "submit.sending": Scene(Play.placed, Play.drive, left=UNCONFIRMED, back=GIFT),
    "submit.answered": Scene(Play.placed, Play.drive),
    "submit.recorded": Scene(Play.placed, Play.drive),
    "webhook.verified": Scene(Play.submitted, Play.webhook),
    "webhook.stored": Scene(Play.submitted, Play.webhook),
    "webhook.rung": Scene(Play.submitted, Play.webhook),
    "follow.leased": Scene(Play.submitted, Play.drive),
    "follow.asked": Scene(Play.submitted, Play.drive),
    "cancel.noted": Scene(Play.running, Play.cancel, left=STOPPED, back=STOPPED),
    "cancel.sent": Scene(Play.unwanted, Play.drive, left=STOPPED, back=STOPPED),
    "store.leased": Scene(Play.storing, Play.store),
    "store.fetching": Scene(Play.storing, Play.store),
    "store.put": Scene(Play.storing, Play.store),
    "store.settling": Scene(Play.storing, Play.store, locks=True),
    "store.settled": Scene(Play.storing, Play.store),
    "sweep.poked": Scene(Play.submitted, Play.sweep),
}
