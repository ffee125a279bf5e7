"""No GET changes anything, and nothing is changed by a form that is not ours."""

from typing import Any

import pytest
from django.test import Client

from tests.separation.asking import SAFE, address, undone, watched
from tests.separation.cast import Caller, Cast
from tests.separation.digest import changed, digest
from tests.separation.table import ALLAUTH, BRITTLE, OFFICE, ROWS, row_of
from tests.separation.urlconf import Pattern, patterns

# Signed by fal, who has no session and no token of ours.
SIGNED = {"generations:fal_webhook"}
# It says nothing about anybody, so it may be kept by whoever passes it on.
SAME_FOR_ALL = {"api:openapi"}
# Programs show a token that no browser sends by itself.
BEARER = ("api:",)


def path_of(cast: Cast, pattern: Pattern) -> str:
    row = row_of(pattern)
    assert row is not None
    return address(pattern, cast.northlight.named(row.at))


@pytest.mark.redis
def test_no_safe_method_changes_a_byte(cast: Cast) -> None:
    """By whoever is let in furthest. The matrix watches the statements of everybody else."""
    before, wrong = digest(), []
    for pattern in patterns():
        if pattern.name in BRITTLE:
            continue
        who = {"admin": "root", "api": "owner's program"}.get(pattern.name.split(":")[0], "owner")
        for method in SAFE:
            with undone(), watched() as wrote:
                cast.callers[who].ask(method, path_of(cast, pattern))
                if (method == "GET" or wrote) and (tables := changed(before, digest())):
                    wrong.append(f"{method} {pattern.name} changed {tables}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.redis
def test_every_post_without_the_token_of_a_form_is_refused(cast: Cast) -> None:
    people = {name: Caller.of(cast.people[name], enforce_csrf_checks=True) for name in ("owner", "root")}
    wrong = []
    for pattern in patterns():
        if pattern.name in SIGNED or pattern.name.startswith(BEARER):
            continue
        who = "root" if pattern.name.startswith("admin:") else "owner"
        row = row_of(pattern)
        with undone():
            status = people[who].ask("POST", path_of(cast, pattern), row and row.data).status_code
        if status != 403:
            wrong.append(f"POST {pattern.name} by {who} without a token is {status}")
    assert not wrong, "\n".join(wrong)


def test_a_form_of_another_site_is_refused_although_it_has_a_token(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.people["owner"], "allauth.account.auth_backends.AuthenticationBackend")
    client.get("/gallery/?whose=team")
    page: Any = client.get("/credits/")
    token = page.context["csrf_token"]
    path = f"/generations/{cast.northlight.things['clip']}/delete/"
    sent = {"csrfmiddlewaretoken": str(token)}
    with undone():
        assert client.post(path, sent, headers={"Origin": "https://evil.example"}).status_code == 403
    with undone():
        assert client.post(path, sent).status_code == 302


def test_every_page_has_a_policy_and_none_may_be_framed_or_kept(cast: Cast) -> None:
    for pattern in patterns():
        if pattern.name not in ROWS or pattern.name in SIGNED or pattern.name in ALLAUTH:
            continue
        with undone():
            response = cast.callers["owner"].ask("GET", path_of(cast, pattern))
        assert response["X-Content-Type-Options"] == "nosniff", pattern.name
        assert response["X-Frame-Options"] == "DENY", pattern.name
        assert "default-src 'none'" in response["Content-Security-Policy"], pattern.name
        kept = {"private", "no-store", "no-cache"} & set(response["Cache-Control"].split(", "))
        assert kept or pattern.name in SAME_FOR_ALL, pattern.name


def test_the_office_has_a_word_for_everything() -> None:
    words = {word for each in patterns() if each.name.startswith("admin:") for word in each.words}
    assert words - set(OFFICE) <= {"job_id", "result_id", "key", "scheduler_name", "cron_job_name"}
