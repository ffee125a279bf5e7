"""The moments between two durable steps, by name, at which a drill may kill, break or stop a process.

`assert failpoint("submit.sending")` costs a comparison, and nothing at all under `python -O`, as the image
runs. What happens at a point is decided by a hook that drills install; the product never does.
"""

from collections.abc import Callable

POINTS = (
    "order.holding",  # an order is valid, nothing is written yet
    "order.placed",  # rows and holds are committed, nobody was told
    "line.turned",  # turns are given and committed, nobody was told
    "submit.claimed",  # leased; no attempt yet
    "submit.prepared",  # inputs uploaded, attempt and token committed
    "submit.sending",  # committed that bytes may leave; none has
    "submit.answered",  # fal answered; nothing is recorded
    "submit.recorded",  # the answer is committed; the job is not over
    "webhook.verified",  # signed by fal, for us; nothing is written
    "webhook.stored",  # the delivery is committed; fal has no answer yet
    "webhook.rung",  # and the bell was rung
    "follow.leased",  # leased to look at fal
    "follow.asked",  # fal said how it is; nothing is recorded
    "cancel.noted",  # a wish to cancel is committed; fal does not know
    "cancel.sent",  # fal was told; that it was is not recorded
    "store.leased",  # leased to fetch the file
    "store.fetching",  # in the middle of a download
    "store.put",  # the file is in the vault, without a row
    "store.settling",  # inside the transaction that charges
    "store.settled",  # charged and committed; the job is not over
    "sweep.poked",  # due rows are marked as rung for; nobody was told
)

hook: Callable[[str], None] | None = None


def failpoint(point: str) -> bool:
    """Always true, so that it may stand in an `assert`; the hook may not let it return."""
    if hook is not None:
        if point not in POINTS:
            raise ValueError(f"{point} is not in the list")
        hook(point)
    return True
