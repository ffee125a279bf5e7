"""From a result to a clip that is safely ours; only then is it charged."""

import logging
import time
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from generations.failpoints import failpoint
from generations.fal.download import Downloaded, Gone, Interrupted, Refused, fetch
from generations.fal.failures import Reason
from generations.fal.replies import Finished, Unavailable, read_video
from generations.gateway import connect, media_hosts, refuse_in_transaction
from generations.media import sandbox
from generations.media.vault import new_key, put, vault, workspace_folder
from generations.models import Attempt, Clip, Generation, State
from generations.motor.deliveries import GIVEN_UP, done, waiting
from generations.timing import STORING_LEASE, backing_off

logger = logging.getLogger(__name__)

# A file that is there but unreadable, or an address that is gone, is tried so often.
HOPELESS_AFTER = 3
# Encoders round to frames; a tenth of a second is not a difference anybody bought.
SECONDS_TOLERANCE = 0.25
SHORT_SIDE = {"720p": 720, "1080p": 1080, "4k": 2160}


class LeaseLost(Exception):
    """Another worker stores it; this one's copy is one too many."""


def fetch_and_keep(generation: Generation) -> None:
    """Copy the output into our storage, look into it, draw a poster, charge; or try again later."""
    given_up = generation.state == State.FAILED and generation.reason in GIVEN_UP
    gift = given_up and waiting(generation).exists()
    attempt = generation.attempts.filter(state=Attempt.State.ACCEPTED).last()
    if attempt is None or not (gift or generation.state == State.STORING):
        return
    if not gift and not generation.lease(seconds=STORING_LEASE):
        return
    assert failpoint("store.leased")
    try:
        with workspace_folder() as folder:
            _keep(generation, attempt, folder)
    except LeaseLost:
        return
    except (Gone, Refused, sandbox.Rejected) as error:
        _retry(generation, attempt, error, hopeless=generation.tries + 1 >= HOPELESS_AFTER)
    except (Interrupted, OSError) as error:
        _retry(generation, attempt, error, hopeless=False)


def _keep(generation: Generation, attempt: Attempt, folder: Path) -> None:
    video = read_video(attempt.result)
    if not isinstance(video, Finished):
        raise Gone("no address")
    source, poster = folder / "clip.mp4", folder / "poster.webp"
    lease = _Lease(generation)
    file = fetch(
        video.video_url,
        source,
        hosts=media_hosts(),
        before=refuse_in_transaction,
        progress=lease.renew_in_time,
    )
    lease.renew()
    found = sandbox.run("generations.media.video", str(source), str(poster), memory_mib=2048, cpu_seconds=30)
    lease.renew()
    keys = [
        put(source, new_key("clips", generation.workspace_id, ".mp4")),
        put(poster, new_key("posters", generation.workspace_id, ".webp")),
    ]
    assert failpoint("store.put")
    if not settle(generation, file, found, *keys):
        for key in keys:  # somebody else was faster: their copy is the clip
            vault().delete(key)
    assert failpoint("store.settled")


class _Lease:
    """The lease of a storing worker, renewed while bytes arrive. A gift has none: its row has ended."""

    def __init__(self, generation: Generation) -> None:
        self.generation, self.renewed = generation, time.monotonic()

    def renew_in_time(self) -> None:
        """Once a quarter of the lease has passed."""
        assert failpoint("store.fetching")
        if time.monotonic() - self.renewed > STORING_LEASE / 4:
            self.renew()

    def renew(self) -> None:
        """Raises LeaseLost."""
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


def _retry(generation: Generation, attempt: Attempt, error: Exception, *, hopeless: bool) -> None:
    logger.warning("generation=%s event=store_failed error=%s", generation.pk, type(error).__name__)
    if generation.state == State.FAILED:
        Generation.objects.filter(pk=generation.pk).update(tries=generation.tries + 1)
        if generation.tries + 1 >= HOPELESS_AFTER:
            done(generation)  # a gift that cannot be fetched stays a failure
        return
    if hopeless or generation.deadline_at <= timezone.now():
        if generation.finish(
            State.FAILED, cause=f"file lost: {type(error).__name__}", reason=Reason.MEDIA_LOST
        ):
            done(generation)
        return
    if isinstance(error, Gone):
        _ask_for_fresh_address(attempt)
    generation.wait(backing_off(generation.tries, first=5, factor=2, cap=600))


def _ask_for_fresh_address(attempt: Attempt) -> None:
    """A file that is gone under one address may be there under another."""
    try:
        outcome = connect().result(attempt.response_url)
    except Unavailable:
        return
    if isinstance(outcome, Finished):
        Attempt.objects.filter(pk=attempt.pk).update(result=outcome.raw)
