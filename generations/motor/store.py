"""From a result to a clip that is safely ours; only then is it charged."""

import logging
import time
from pathlib import Path
from typing import Any

from django.db import transaction

from generations.failpoints import failpoint
from generations.fal.download import Downloaded, Gone, Interrupted, Refused, fetch
from generations.fal.failures import Failure, Reason
from generations.fal.partial import discard
from generations.fal.replies import Finished, Unavailable, read_video
from generations.gateway import connect, media_hosts, refuse_in_transaction
from generations.media import sandbox
from generations.media.janitor import tidy_scratch
from generations.media.scratch import folder_of
from generations.media.vault import NotStored, new_key, put, remove
from generations.models import Attempt, Clip, Generation, State
from generations.motor.deliveries import GIVEN_UP, done, waiting
from generations.timing import STORING_LEASE, backing_off, now

logger = logging.getLogger(__name__)

# A gift is tried so often.
HOPELESS_AFTER = 3
# What is at neither address, old or fresh, is looked for again: a minute decides between a hiccup and a loss.
# Only looks that say something about the file count; an outage before them is not among them.
USELESS_AFTER = 5
# A file that is gone and of which fal does not know another address is looked for ten minutes.
NO_ADDRESS_AFTER = 8
# Encoders round to frames; a tenth of a second is not a difference anybody bought.
SECONDS_TOLERANCE = 0.25
SHORT_SIDE = {"720p": 720, "1080p": 1080, "4k": 2160}

# What is at the address is no clip of ours; another address may have one.
USELESS = (Gone, Refused, sandbox.Rejected)


class LeaseLost(Exception):
    """Another worker stores it; this one's copy is one too many."""


class NoClip(Exception):
    """fal itself says that there is none."""


class NoAddress(Exception):
    """fal cannot say where the file is now."""


# The way, the disk, the storage, the machine: nothing that says anything about the file.
TROUBLE = (Interrupted, NotStored, OSError, sandbox.Disturbed, NoAddress, Unavailable)


def fetch_and_keep(generation: Generation) -> None:
    """Copy the output into our storage, look into it, draw a poster, charge; or try again later."""
    given_up = generation.state == State.FAILED and generation.reason in GIVEN_UP
    gift = given_up and waiting(generation).exists()
    attempt = generation.attempts.filter(state=Attempt.State.ACCEPTED).last()
    if attempt is None or not (gift or generation.state == State.STORING):
        return
    lease = _Lease(generation)
    if not gift and not generation.lease(seconds=STORING_LEASE):
        return
    assert failpoint("store.leased")
    tidy_scratch()  # here, for it is on the machines of media workers that downloads are left behind
    try:
        with folder_of(generation.pk) as folder:
            _keep(generation, attempt, folder, lease)
    except LeaseLost:
        return
    except NoClip as error:
        _retry(generation, error, hopeless=True)
    except USELESS as error:
        _retry(generation, error, hopeless=attempt.looked_in_vain() >= USELESS_AFTER)
    except TROUBLE as error:
        lost = isinstance(error, NoAddress) and attempt.looked_in_vain() >= NO_ADDRESS_AFTER
        _retry(generation, error, hopeless=lost)


def _keep(generation: Generation, attempt: Attempt, folder: Path, lease: "_Lease") -> None:
    source, poster = folder / "clip.mp4", folder / "poster.webp"
    try:
        file, found = _obtained(attempt.result, source, poster, lease)
    except USELESS as error:
        discard(source)
        if generation.state != State.STORING:
            raise
        logger.warning("generation=%s event=useless_file error=%s", generation.pk, type(error).__name__)
        file, found = _obtained(_asked_again(attempt, lease), source, poster, lease)
    keys = _stored(generation, (source, "clips"), (poster, "posters"), lease=lease)
    assert failpoint("store.put")
    # An error in here may hide a commit that was made: what is stored then stays, for its row or the janitor.
    if not settle(generation, file, found, *keys):
        remove(*keys)  # somebody else was faster: their copy is the clip
    assert failpoint("store.settled")


def _stored(generation: Generation, *files: tuple[Path, str], lease: "_Lease") -> list[str]:
    """Keys of what is whole in our storage, under a lease that is still ours; or nothing is left there."""
    keys: list[str] = []
    try:
        for path, kind in files:
            lease.renew()
            keys.append(put(path, new_key(kind, generation.workspace_id, path.suffix)))
        lease.renew()
    except BaseException:
        remove(*keys)
        raise
    return keys


def _obtained(result: Any, source: Path, poster: Path, lease: "_Lease") -> tuple[Downloaded, dict[str, Any]]:
    """The file of a result, and what the child that looked into it found. Raises USELESS and TROUBLE."""
    video = read_video(result)
    if not isinstance(video, Finished):
        raise Gone("no address")
    lease.renew()
    file = fetch(
        video.video_url,
        source,
        hosts=media_hosts(),
        before=refuse_in_transaction,
        progress=lease.renew_in_time,
    )
    lease.renew()
    asked = [str(source), str(poster), *(["joined"] if file.joined else [])]
    return file, sandbox.run("generations.media.video", *asked, memory_mib=2048, cpu_seconds=30)


def _asked_again(attempt: Attempt, lease: "_Lease") -> dict[str, Any]:
    """The result with an address that is fresh: a file that is gone under one may be there under another."""
    lease.renew()
    outcome = connect().result(attempt.response_url)
    lease.renew()
    if isinstance(outcome, Failure):
        raise NoClip("fal says now that it failed")
    if not isinstance(outcome, Finished):
        raise NoAddress(type(outcome).__name__)
    Attempt.objects.filter(pk=attempt.pk).update(result=outcome.raw)
    return outcome.raw


class _Lease:
    """The lease of a storing worker, about to be taken; then renewed. A gift has none: its row has ended."""

    def __init__(self, generation: Generation) -> None:
        self.generation, self.renewed = generation, time.monotonic()

    def renew_in_time(self) -> None:
        """Once a quarter of the lease has passed."""
        assert failpoint("store.fetching")
        self.renew(STORING_LEASE / 4)

    def renew(self, older: float = STORING_LEASE / 60) -> None:
        """Unless that was done a moment ago. Raises LeaseLost."""
        if time.monotonic() - self.renewed <= older:
            return
        self.renewed = time.monotonic()
        if self.generation.state == State.STORING and not self.generation.renew(seconds=STORING_LEASE):
            raise LeaseLost


def settle(generation: Generation, file: Downloaded, found: dict[str, Any], key: str, poster: str) -> bool:
    """Clip, state and charge in one commit; False when somebody else ended it first."""
    with transaction.atomic():
        clip = Clip.objects.create(
            file=key,
            poster=poster,
            sha256=file.sha256,
            size=file.size,
            width=found["width"],
            height=found["height"],
            seconds=found["seconds"],
            has_audio=found["has_audio"],
            differences=differences(generation, found),
        )
        if generation.finish(State.SUCCEEDED, cause="stored", clip=clip, reason="", reason_detail=""):
            done(generation)
            assert failpoint("store.settling")
            return True
        transaction.set_rollback(True)
    return False


def differences(generation: Generation, found: dict[str, Any]) -> list[str]:
    """Where the file is not what was bought, in words for people."""
    said = []
    extended = generation.mode == "extend"
    # An extension comes back with the clip it extends in front.
    wrong = found["seconds"] < generation.seconds - SECONDS_TOLERANCE or (
        not extended and found["seconds"] > generation.seconds + SECONDS_TOLERANCE
    )
    if wrong:
        said.append(f"{found['seconds']:.1f} s instead of {generation.seconds} s")
    short = min(found["width"], found["height"])
    want = SHORT_SIDE.get(generation.resolution)
    if want and short != want:
        said.append(f"{found['width']} × {found['height']} instead of {generation.resolution}")
    if generation.audio and not found["has_audio"]:
        said.append("no audio track, though audio was ordered")
    return said


def _retry(generation: Generation, error: Exception, *, hopeless: bool) -> None:
    said = " < ".join(type(each).__name__ for each in (error, error.__cause__) if each)
    logger.warning("generation=%s event=store_failed error=%s", generation.pk, said)
    if generation.state == State.FAILED:
        Generation.objects.filter(pk=generation.pk).update(tries=generation.tries + 1)
        if generation.tries + 1 >= HOPELESS_AFTER:
            done(generation)  # a gift that cannot be fetched stays a failure
        return
    if hopeless or generation.deadline_at <= now():
        _lose(generation, error)
    else:
        generation.wait(backing_off(generation.tries, first=5, factor=2, cap=600))


def _lose(generation: Generation, error: Exception) -> None:
    cause = f"file lost: {type(error).__name__}"
    if generation.finish(State.FAILED, cause=cause, reason=Reason.MEDIA_LOST):
        done(generation)
        logger.error("generation=%s event=media_lost error=%s", generation.pk, type(error).__name__)
