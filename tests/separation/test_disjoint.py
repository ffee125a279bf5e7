"""Lists, searches, counts and files as two tenants see them have nothing in common."""

from typing import Any

from django.test import Client
from django.urls import reverse

from tests.separation.asking import address, undone
from tests.separation.cast import Cast, Tenant
from tests.separation.table import ROWS
from tests.separation.urlconf import patterns

# Kinds of pages that show what a workspace has, or give it out as a file.
LISTS = ("list", "owners' list", "money's list", "makers' page")
# Further questions to ask a list, with the other's words and ids in them.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "generations:gallery": ("?whose=team", "?whose=team&q={words}", "?whose=team&state=ready"),
    "generations:live": ("?c={clip}:other&c={waiting}:other", "?detail&c={clip}:other"),
    "generations:create": ("?remix={clip}", "?extend={clip}", "?mode=extend"),
    "accounts:audit": ("?q={words}", "?who={address}", "?q={workspace}"),
    "accounts:audit_export": ("?q={words}",),
}
# What no list shows yet; take it out of here when one does.
PAGES_TO_COME = {"token", "invitation", "hook", "message", "collection"}


def everything_seen(cast: Cast, who: str, asked: Tenant) -> list[tuple[str, str]]:
    """Each list as `who` gets it, asked with the words and ids of `asked`."""
    words = asked.secrets | {"words": asked.word, "address": asked.actor.user.email}
    found = []
    for pattern in patterns():
        row = ROWS.get(pattern.name)
        for method in ("GET", "POST") if row and not pattern.words else ():
            if row is None or row.kinds[method] not in LISTS:
                continue
            for question in ("", *QUESTIONS.get(pattern.name, ())):
                path = address(pattern, {}) + question.format(**words)
                with undone():
                    response = cast.callers[who].ask(method, path)
                    content = response.getvalue() if response.streaming else response.content
                found.append((f"{method} {pattern.name}{question}", content.decode()))
    return found


def test_two_tenants_see_nothing_of_each_other(cast: Cast) -> None:
    for who, own, other in (
        ("owner", cast.northlight, cast.harbour),
        ("outsider", cast.harbour, cast.northlight),
    ):
        seen = everything_seen(cast, who, other)
        leaks = [
            f"{where} shows {who} the other's {name}"
            for where, text in seen
            for name, word in other.secrets.items()
            if word in _unasked(text, where, other)
        ]
        assert not leaks, "\n".join(leaks)
        own_pages = everything_seen(cast, who, own)
        hidden = {"binned", "upload", "video", "hold", "person", *PAGES_TO_COME}
        unseen = {
            name for name, word in own.secrets.items() if not any(word in text for _, text in own_pages)
        }
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
        if row is None or pattern.room not in ("accounts", "generations") or "webhook" in pattern.name:
            continue
        things = cast.northlight.things
        path = prefix + address(pattern, {word: things.get(each, each) for word, each in row.at.items()})
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
    from generations.models import Generation, Visibility  # noqa: PLC0415

    key = cast.northlight.things["clip"]
    Generation.objects.filter(pk=key).update(visibility=Visibility.PRIVATE)
    for name in ("detail", "clip", "poster"):
        path = reverse(f"generations:{name}", args=[key])
        assert cast.callers["owner"].ask("GET", path).status_code == 200
        assert cast.callers["admin"].ask("GET", path).status_code == 404


def test_media_is_nobodys_without_a_session(cast: Cast) -> None:
    for name, thing in (("clip", "clip"), ("poster", "clip"), ("upload", "upload")):
        path = reverse(f"generations:{name}", args=[cast.northlight.things[thing]])
        for headers in ({}, {"Range": "bytes=0-3"}):
            assert Client().get(path, headers=headers).status_code == 302
            assert cast.callers["outsider"].ask("GET", path, headers=headers).status_code == 404
