"""May fal be asked at all? One answer for every step, so that an outage costs few calls and no clip."""

import logging

from generations.fal.client import Fal
from generations.fal.replies import Accepted, Ambiguous, Refusal, SubmitOutcome, Unavailable
from generations.models import Breaker, Generation

logger = logging.getLogger(__name__)

FROM_HERE = (Refusal.LOCKED, Refusal.UNREACHABLE)


def open_to(fal: Fal) -> bool:
    """Whether fal may be asked now. When its pause is over, exactly one caller finds out, at no cost."""
    breaker = Breaker.current()
    if not breaker.is_open:
        return True
    if not (breaker.wants_probe() and breaker.claim_probe()):
        return False
    try:
        fal.probe()
    except Unavailable as error:
        logger.info("event=probe_failed why=%s", error)
        breaker.unanswered(str(error))
        return False
    logger.info("event=probe_answered")
    return breaker.answered()


def learn_from_submit(outcome: SubmitOutcome) -> None:
    """What a paid request says about fal's health, whatever becomes of the generation."""
    if isinstance(outcome, Accepted):
        Breaker.good(paid=True)
    elif isinstance(outcome, Ambiguous):
        Breaker.bad(f"submit: {outcome.why}", paid=True)
    elif outcome.refusal in FROM_HERE:
        said = outcome.failure.message if outcome.failure else str(outcome.raw.get("error", ""))
        locked = outcome.refusal == Refusal.LOCKED
        if locked:
            logger.error("event=fal_locked")
        Breaker.bad(f"{outcome.refusal}: {said}", paid=True, at_once=locked)
    else:
        Breaker.good(paid=True)
        if outcome.refusal == Refusal.BUSY:
            Breaker.throttle(Generation.objects.out().count(), outcome.retry_after or 0)


def unavailable(why: object) -> None:
    """A call that costs nothing went unanswered."""
    Breaker.bad(str(why), paid=False)


def answered() -> None:
    """A call that costs nothing was answered by fal itself."""
    Breaker.good(paid=False)
