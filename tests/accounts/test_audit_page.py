"""The audit page and its export: whose it is, what it says, what the filter leaves, and what it costs."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import audit_words
from accounts.models import AuditEvent
from accounts.views import audit
from tests.world import World

PAGE, EXPORT = "/team/audit/", "/team/audit.csv"


def write(world: World, verb: str = "member.role", who: str = "alice", **more: Any) -> AuditEvent:
    actor = getattr(world, who)
    event = AuditEvent.of(verb, actor.workspace, actor=actor.user, acting_as=actor.capacity, **more)
    event.save()
    return event


def read(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def shown(response: Any) -> list[int]:
    return [each["event"].pk for each in response.context["events"]]


def test_an_owner_reads_what_happened_in_words(world: World, client_of: Any) -> None:
    event = write(world, before={"role": "viewer"}, after={"role": "creator"}, member="bob@example.com")
    page = client_of("alice").get(PAGE).content.decode()
    assert "changed a member’s role" in page
    assert "<del>viewer</del>" in page
    assert "<ins>creator</ins>" in page
    assert "bob@example.com" in page
    assert f"event-{event.pk}" in page
    assert "as owner" in page


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_nobody_but_an_owner_reads_or_exports_it(world: World, client_of: Any, name: str) -> None:
    client = client_of(name)
    assert client.get(PAGE).status_code == 403
    assert client.post(EXPORT).status_code == 403
    assert not AuditEvent.objects.filter(verb="export.audit").exists()


def test_a_stranger_reads_their_own(world: World, client_of: Any) -> None:
    ours = write(world)
    theirs = write(world, who="eve")
    assert shown(client_of("eve").get(PAGE)) == [theirs.pk]
    assert [row["Number"] for row in read(client_of("eve").post(EXPORT))] == [str(theirs.pk)]
    assert shown(client_of("alice").get(PAGE)) == [ours.pk]


@pytest.mark.both_databases
def test_the_filter_leaves_what_was_asked_for_and_the_export_is_the_same(
    world: World, client_of: Any
) -> None:
    role = write(world, member="bob@example.com")
    gone = write(world, "member.removed", who="bob", member="vera@example.com")
    alice = client_of("alice")
    day = f"{role.at:%Y-%m-%d}"
    cases = {
        "": [gone, role],
        "verb=member.role": [role],
        "who=bob": [gone],
        "q=VERA": [gone],
        "q=bob@": [role],
        f"since={day}": [gone, role],
        f"until={day}": [gone, role],
        "until=2020-01-01": [],
        "until=9999-12-31": [gone, role],
        f"since={day}&verb=member.removed&who=Bob": [gone],
    }
    for query, right in cases.items():
        found = [each for each in shown(alice.get(f"{PAGE}?{query}")) if each in (role.pk, gone.pk)]
        assert found == [each.pk for each in right], query
        asked = dict(pair.split("=") for pair in query.split("&") if pair)
        rows = read(alice.post(EXPORT, asked))
        ours = [row["Number"] for row in rows if row["Verb"] != "export.audit"]
        assert ours == [str(each.pk) for each in right], query


def test_a_wrong_date_is_said_at_its_field_and_exports_nothing(world: World, client_of: Any) -> None:
    write(world)
    for response in (
        client_of("alice").get(PAGE, {"since": "soon", "who": "ali"}),
        client_of("alice").post(EXPORT, {"since": "soon", "who": "ali"}),
    ):
        assert response.status_code == 422
        assert response.context["filter"].form.errors["since"]
        assert 'value="soon"' in response.content.decode()
        assert 'value="ali"' in response.content.decode()
        assert not response.context["events"]
    assert AuditEvent.objects.filter(verb="export.audit").count() == 0


def test_an_export_is_written_down_with_what_was_asked(world: World, client_of: Any) -> None:
    client_of("alice").post(EXPORT, {"verb": "member.role"})
    event = AuditEvent.objects.get(verb="export.audit")
    assert (event.actor, event.acting_as) == (world.alice.user, "owner")
    assert event.detail == {"filter": {"verb": "member.role"}}
    assert event.request


def test_it_pages_through_everything_once(world: World, client_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(audit, "PAGE", 4)
    written = [write(world).pk for _ in range(11)]
    seen, after, alice = [], "", client_of("alice")
    while True:
        response = alice.get(PAGE, {"after": after})
        seen += shown(response)
        after = response.context["next"]
        if not after:
            break
    assert seen == written[::-1]
    assert shown(alice.get(PAGE, {"after": "odd"})) == written[::-1][:4]


def test_ten_and_two_hundred_events_cost_the_same_queries(world: World, client_of: Any) -> None:
    alice, counts = client_of("alice"), []
    for more in (10, 190):
        for number in range(more):
            write(world, who=("alice", "bob", "vera")[number % 3])
        for ask in (lambda: alice.get(PAGE), lambda: alice.post(EXPORT).getvalue()):
            with CaptureQueriesContext(connection) as captured:
                ask()
            counts.append(len(captured))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 9


def test_every_verb_that_is_written_has_words() -> None:
    """A new act needs a sentence in `accounts.audit_words`."""
    root = Path(__file__).resolve().parents[2]
    sources = [file.read_text() for app in ("accounts", "generations") for file in (root / app).rglob("*.py")]
    verbs = {verb for text in sources for verb in re.findall(r'AuditEvent\.of\(\s*f?"([a-z_.]+)"', text)}
    assert verbs
    assert verbs - set(audit_words.WORDS) == set()


def test_the_tab_is_there_for_owners_alone(world: World, client_of: Any) -> None:
    assert reverse("accounts:audit") == PAGE
    assert f'href="{PAGE}" aria-current="page"' in client_of("alice").get(PAGE).content.decode()
