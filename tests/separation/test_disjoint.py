"""Lists, searches, counts and files as two tenants see them have nothing in common."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from django.test import Client
from django.urls import reverse

from accounts.models import Invitation, Membership, Notification, Scope, Workspace
from generations.models import Generation, Visibility
from tests.separation.asking import address, outcome, undone
from tests.separation.cast import Caller, Cast, Tenant, program_of
from tests.separation.table import ROWS
from tests.separation.urlconf import patterns

# Kinds of pages that show what a workspace has, or give it out as a file.
LISTS = {
    "list", "owners' list", "leads' list", "money's list", "makers' page", "own page", "api to know",
    "api to read", "api to count",
}  # fmt: skip
# Kinds of pages about one thing; asked about one's own, they show nothing of others.
ABOUT = {"their object", "leads' object", "api to read"}
# Further questions to ask a list, with the other's words, ids and places in lists in them.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "generations:gallery": (
        "?whose=team", "?whose=team&q={words}", "?whose=team&state=ready", "?whose=team&after={gallery}",
        "?whose=team&collection={collection}",
    ),
    "generations:live": ("?c={clip}:other&c={waiting}:other", "?detail&c={clip}:other"),
    "generations:create": ("?remix={clip}", "?extend={clip}", "?mode=extend"),
    "generations:credits": ("?after={statement}",),
    "generations:collections": ("?after={collections}",),
    "generations:collection": ("?after={after collection}",),
    "generations:budgets": ("?after={budgets}",),
    "generations:approvals": ("?after={approvals}", "?older={decided}"),
    "accounts:audit": ("?q={words}", "?who={address}", "?q={workspace}", "?after={audit}"),
    "accounts:audit_export": ("?q={words}",),
    "accounts:members": ("?q={words}", "?q={address}", "?after={members}", "?invited={invitations}"),
    "accounts:tokens": ("?after={tokens}",),
    "accounts:webhook": ("?after={webhook messages}",),
    "accounts:bell": ("?after={bell}",),
    "api:generations": ("?after={api.generations}", "?limit=100"),
    "api:ledger": ("?after={api.ledger}",),
}  # fmt: skip


def everything_seen(cast: Cast, who: str, own: Tenant, asked: Tenant) -> list[tuple[str, str]]:
    """Each list, and each page about their own things, as `who` gets it, asked with the words of `asked`."""
    words = asked.secrets | asked.cursors | {"words": asked.word, "address": asked.actor.user.email}
    words["after collection"], words["collection"] = asked.cursors["collection"], asked.secrets["collection"]
    found = []
    for pattern in patterns():
        row = ROWS.get(pattern.name)
        asks = f"{who}'s program" if pattern.room == "api" else who
        for method in ("GET", "POST") if row else ():
            if row is None or row.kinds[method] not in (
                ABOUT if set(row.at.values()) & set(own.things) else LISTS
            ):
                continue
            for question in ("", *QUESTIONS.get(pattern.name, ())):
                path = address(pattern, own.named(row.at)) + _filled_in(question, words)
                with undone():
                    response = cast.callers[asks].ask(method, path)
                    content = response.getvalue() if response.streaming else response.content
                got = outcome(response)
                if got == "403":  # what may be seen by whom is the table's business
                    break
                assert got in ("ok", "invalid"), (pattern.name, question, response.status_code)
                assert content or response.status_code == 204, f"{pattern.name} is empty: this proves nothing"
                found.append((f"{method} {pattern.name}{question}", content.decode(errors="replace")))
    return found


def _filled_in(question: str, words: dict[str, str]) -> str:
    return re.sub(r"\{([^}]+)\}", lambda name: quote(words[name[1]]), question)


def test_two_tenants_see_nothing_of_each_other(cast: Cast) -> None:
    for who, own, other in (
        ("owner", cast.northlight, cast.harbour),
        ("outsider", cast.harbour, cast.northlight),
    ):
        seen = everything_seen(cast, who, own, other)
        leaks = [
            f"{where} shows {who} the other's {name}"
            for where, text in seen
            for name, word in other.secrets.items()
            if word in _unasked(text, where, other)
        ]
        assert not leaks, "\n".join(leaks)
        texts = [text for _, text in everything_seen(cast, who, own, own)]
        unseen = {name for name, word in own.secrets.items() if not any(word in text for text in texts)}
        # Ids on no list, and words of addresses: a mailed invitation is its mailbox's alone.
        hidden = {"hold", "person", "upload", "video", "share", "invited"}
        assert unseen <= hidden, "the lists do not show what this compares, so it proves nothing"


def _unasked(text: str, where: str, other: Tenant) -> str:
    """Without what the reader typed: a search form keeps it."""
    for name, word in (other.secrets | {"words": other.word}).items():
        if "{" + name + "}" in where:
            text = text.replace(word, "")
    return text


def test_an_address_in_another_workspace_opens_nothing(cast: Cast) -> None:
    prefix = f"/w/{cast.northlight.actor.workspace.pk}"
    for pattern in patterns():
        row = ROWS.get(pattern.name)
        if row is None or pattern.room not in ("accounts", "generations"):
            continue
        path = prefix + address(pattern, cast.northlight.named(row.at))
        for who in ("outsider", "removed", "suspended", "root"):
            for method in ("GET", "POST"):
                with undone():
                    assert cast.callers[who].ask(method, path).status_code == 404, (pattern.name, who, method)


def test_removal_demotion_and_suspension_work_on_the_next_request(cast: Cast) -> None:
    members = cast.northlight.actor.workspace.memberships
    pages: Any = {name: reverse(f"generations:{name}") for name in ("gallery", "create")}
    clip = reverse("generations:clip", args=[cast.northlight.things["clip"]])
    creator = cast.callers["creator"]
    assert [creator.ask("GET", each).status_code for each in (*pages.values(), clip)] == [200, 200, 200]
    mine = members.filter(user=cast.people["creator"])
    mine.update(role="viewer")
    assert [creator.ask("GET", each).status_code for each in (*pages.values(), clip)] == [200, 403, 200]
    mine.update(suspended_at=cast.people["owner"].date_joined)
    assert [creator.ask("GET", each).status_code for each in (*pages.values(), clip)] == [403, 403, 403]
    mine.update(suspended_at=None)
    type(cast.northlight.actor.workspace).objects.filter(pk=cast.northlight.actor.workspace.pk).update(
        closed_at=cast.people["owner"].date_joined
    )
    assert creator.ask("GET", clip).status_code == 403


def test_a_private_clip_is_its_authors(cast: Cast) -> None:
    """Its words and its id are on no page of a colleague, who may all there is to may, either."""
    key = cast.northlight.things["clip"]
    Generation.objects.filter(pk=key).update(visibility=Visibility.PRIVATE)
    for name in ("detail", "clip", "poster"):
        path = reverse(f"generations:{name}", args=[key])
        assert cast.callers["owner"].ask("GET", path).status_code == 200
        assert cast.callers["admin"].ask("GET", path).status_code == 404
    path = reverse("generations:decide", args=[key])
    assert cast.callers["admin"].ask("POST", path, {"decision": "approve"}).status_code == 404
    words = Generation.objects.values_list("prompt", flat=True).get(pk=key)
    program = program_of(cast.people["admin"], cast.northlight.actor.workspace, list(Scope))
    paid = ("POST generations:credits_export", "GET api:ledger")
    for where, text in _as_a_colleague(cast, program):
        assert words not in text, where
        # The statement as a file, and for programs, names what was paid for.
        assert str(key) not in _unasked(text, where, cast.northlight) or where.startswith(paid), where


def test_what_was_approved_and_then_kept_private_is_not_told(cast: Cast) -> None:
    """Whoever decided has read it once; that it stays on a page that they all see is another matter."""
    parked = Generation.objects.get(pk=cast.northlight.things["parked"])
    path = reverse("generations:decide", args=[parked.pk])
    assert cast.callers["admin"].ask("POST", path, {"decision": "approve"}).status_code == 302
    shown = cast.callers["billing"].ask("GET", reverse("generations:approvals")).content.decode()
    assert parked.prompt in shown
    Generation.objects.filter(pk=parked.pk).update(visibility=Visibility.PRIVATE)
    Notification.objects.all().delete()  # what they were asked by the bell stays said to them
    for who, sees in (("billing", False), ("owner", True)):
        shown = cast.callers[who].ask("GET", reverse("generations:approvals")).content.decode()
        assert (parked.prompt in shown) == sees, who


def _as_a_colleague(cast: Cast, program: Caller) -> Iterator[tuple[str, str]]:
    """Every list as an admin sees it, who is no owner, and the pages about things beside the clip."""
    tenant, callers = cast.northlight, {"admin": cast.callers["admin"], "admin's program": program}
    colleague = Cast(callers, tenant, cast.harbour, cast.people)
    besides = tenant.things | {"clip": tenant.things["shared"]}
    yield from everything_seen(colleague, "admin", replace(tenant, things=besides), tenant)


def test_media_is_nobodys_without_a_session(cast: Cast) -> None:
    for name, thing in (("clip", "clip"), ("poster", "clip"), ("upload", "upload")):
        path = reverse(f"generations:{name}", args=[cast.northlight.things[thing]])
        for headers in ({}, {"Range": "bytes=0-3"}):
            assert Client().get(path, headers=headers).status_code == 302
            assert cast.callers["outsider"].ask("GET", path, headers=headers).status_code == 404


def test_a_program_opens_nothing_in_another_workspace(cast: Cast) -> None:
    prefix = f"/w/{cast.northlight.actor.workspace.pk}"
    for name, row in ROWS.items():
        if not name.startswith("api:") or "api to" not in row.kinds["GET"]:
            continue
        path = prefix + reverse(name, kwargs=cast.northlight.named(row.at))
        assert cast.callers["outsider's program"].ask("GET", path).status_code == 401
        assert cast.callers["owner's program"].ask("GET", path).status_code == 200


def test_a_bell_is_its_persons_alone(cast: Cast) -> None:
    """Also between colleagues, and whatever number a form names as the newest line."""
    home = cast.northlight.actor.workspace
    lines = {
        who: Notification.objects.create(user=cast.people[who], workspace=home, text=f"for {who} only")
        for who in ("owner", "admin", "viewer", "removed")
    }
    for who in lines:
        page = cast.callers[who].ask("GET", reverse("accounts:bell")).content.decode()
        # Who is out reads nothing of the workspace any more, not even what was said to them.
        assert [name for name in lines if f"for {name} only" in page] == [who] * (who != "removed")
    newest = {"last": str(max(each.pk for each in lines.values()))}
    assert cast.callers["admin"].ask("POST", reverse("accounts:bell_read"), newest).status_code == 302
    read = Notification.objects.exclude(read_at=None)
    assert {each.user for each in read} == {cast.people["admin"]}


def test_what_is_not_shared_any_more_is_not_there_by_its_link(cast: Cast) -> None:
    names = ("shared", "shared_clip", "shared_poster")
    pages = [reverse(f"generations:{name}", args=[cast.northlight.keys["share"]]) for name in names]
    shared = Generation.objects.filter(pk=cast.northlight.things["shared"])

    def answers() -> list[int]:
        return [cast.callers["anonymous"].ask("GET", each).status_code for each in pages]

    assert answers() == [200, 200, 200]
    ends: tuple[dict[str, Any], ...] = (
        {"visibility": Visibility.WORKSPACE, "link_key": None},
        {"visibility": Visibility.PRIVATE, "link_key": None},
        {"link_key": uuid.uuid4()},
        {"deleted_at": cast.people["owner"].date_joined},
    )
    for values in ends:
        with undone():
            shared.update(**values)
            assert answers() == [404, 404, 404], values
    with undone():
        Workspace.objects.filter(pk=cast.northlight.actor.workspace.pk).update(
            closed_at="2026-01-01T00:00:00Z"
        )
        assert answers() == [404, 404, 404]


def test_an_invitation_is_accepted_by_nobody_but_whom_it_was_for(cast: Cast) -> None:
    path = reverse("accounts:invitation", args=[cast.northlight.keys["invited"]])
    here = Membership.objects.filter(workspace=cast.northlight.actor.workspace)
    before = here.count()
    for who in ("outsider", "removed", "suspended", "staff", "root"):
        with undone():
            cast.callers[who].ask("POST", path)
            assert here.count() == before, who
    guest = Invitation.objects.get(pk=cast.northlight.things["invitation"])
    guest.email = cast.people["outsider"].email
    guest.save()
    assert cast.callers["outsider"].ask("POST", path).status_code == 302
    assert here.count() == before + 1
    assert cast.callers["removed"].ask("POST", path).status_code == 410


def test_where_a_second_factor_is_required_neither_people_nor_programs_work_without_one(cast: Cast) -> None:
    home = Workspace.objects.filter(pk=cast.northlight.actor.workspace.pk)
    home.update(mfa_from=cast.people["owner"].date_joined)
    for who in ("owner", "admin", "viewer"):
        response = cast.callers[who].ask("GET", reverse("generations:gallery"))
        assert outcome(response) == "set-up", who
    for name in ("api:generations", "api:credits"):
        response = cast.callers["owner's program"].ask("GET", reverse(name))
        assert (response.status_code, response.json()["type"].endswith("#second-factor")) == (403, True)
        assert cast.callers["outsider's program"].ask("GET", reverse(name)).status_code == 200
