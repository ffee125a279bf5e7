"""What the judge is told about the product is true: read from a real run, then with lies in the tables."""

import uuid
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection

from fal_emulator.server import Emulator
from generations.models import Generation as Row
from tests.chaos.drill import stored
from tests.chaos.fal_says import Fal
from tests.chaos.oracle import Evidence, Finding, judge
from tests.chaos.press import Placed
from tests.chaos.product_books import House
from tests.chaos.schedule import Order
from tests.world import Studio

pytestmark = pytest.mark.redis


@pytest.fixture
def row(studio: Studio) -> Row:
    """A clip that was made, stored and paid, and one that fal would not make."""
    prompt = f"Lighthouse {uuid.uuid4()}"  # fal remembers those of earlier tests
    made, refused = studio.place(prompt=prompt), studio.place(prompt=f"{prompt} [policy]")
    studio.settle(made, refused)
    assert (made.state, refused.state) == ("succeeded", "failed")
    return made


def findings(fal: Emulator) -> list[Finding]:
    """The judge's word on everything that is in the tables, on the disk, and in fal's journal about it."""
    books = House().books()
    prompts = {each.prompt for each in books.generations}
    return judge(
        Evidence(
            submissions=[each for each in Fal(fal.url).submissions() if each.prompt in prompts],
            books=books,
            placed=[
                Placed(Order(number, 0, "", each.prompt, each.form_key), "placed")
                for number, each in enumerate(books.generations)
            ],
            stored=stored(Path(settings.MEDIA_ROOT), ("clips", "posters")),
            violations=House().violations(),
        )
    )


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    """Files of other tests are none of the judge's business."""
    options = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = {**settings.STORAGES, "default": options}
    settings.MEDIA_ROOT = tmp_path / "media"


def lie(statement: str) -> None:
    """Change the tables behind the back of every trigger and foreign key."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {statement}; RESET session_replication_role")


def kinds(fal: Emulator) -> set[str]:
    return {finding.kind for finding in findings(fal)}


def test_an_honest_run_has_no_findings(row: Row, fal: Emulator):
    assert findings(fal) == []


def test_a_second_submission_is_seen_in_fals_journal(row: Row, fal: Emulator):
    given = {"prompt": row.prompt, "seed": row.input["seed"]}
    httpx.post(f"{fal.url}/{row.endpoint}", json=given, headers={"Authorization": "Key x"}).raise_for_status()
    assert kinds(fal) == {"submitted twice"}


def test_a_file_that_nobody_knows_is_seen(row: Row, fal: Emulator):
    assert row.clip
    clip = Path(settings.MEDIA_ROOT) / row.clip.file
    clip.with_name("another.mp4").write_bytes(clip.read_bytes())
    assert kinds(fal) == {"orphan file"}


def test_a_file_that_lost_its_end_is_seen(row: Row, fal: Emulator):
    assert row.clip
    clip = Path(settings.MEDIA_ROOT) / row.clip.file
    clip.write_bytes(clip.read_bytes()[:-1])
    assert kinds(fal) == {"file differs"}


@pytest.mark.postgres
@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE accounts_wallet SET posted = posted + 1 WHERE posted > 0", "ledger"),
        ("UPDATE accounts_ledgerentry SET amount = amount - 1 WHERE kind = 'capture'", "charged wrongly"),
        ("DELETE FROM accounts_ledgerentry WHERE kind = 'capture'", "charged wrongly"),
        ("UPDATE generations_generation SET late_free = true WHERE state = 'succeeded'", "charged wrongly"),
        (
            "UPDATE generations_generation SET state = 'failed', clip_id = NULL WHERE state = 'succeeded'",
            "lost",
        ),
        (
            "UPDATE generations_generation SET state = 'queued', wake_at = now() WHERE state = 'failed'",
            "stuck",
        ),
        (
            "UPDATE accounts_hold SET state = 'held', resolved_at = NULL WHERE state = 'released'",
            "credits stuck",
        ),
    ],
)
def test_a_lie_in_the_tables_is_named(row: Row, fal: Emulator, statement: str, kind: str):
    lie(statement)
    assert kind in kinds(fal)
