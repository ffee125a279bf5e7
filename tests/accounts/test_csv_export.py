"""Files for spreadsheets: two hundred cells that would calculate do not, and all comes back as it was."""

import csv
import io
import itertools
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from accounts.csv_export import cell, download
from accounts.models import AuditEvent
from generations.models import Generation, Visibility
from tests.clips import finished
from tests.world import World

STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
BEFORE = ("", " ", "   ", "\t", "\r", "\n", "\r\n", "\u00a0", "\u3000", "\ufeff", "\u200b", "\0")
AFTER = ("1+1", 'HYPERLINK("http://evil.example","x")', "cmd|' /C calc'!A0")
FORMULAS = [f"{before}{start}{after}" for before, start, after in itertools.product(BEFORE, STARTS, AFTER)]
ODD = ["\tx", "\rx", "\nx", "\r\nx", '"=1', "=\u202e1"]
HARMLESS = [
    "",
    "a=b",
    'He said "no", twice',
    "a,b;c",
    "Ünï©ode 漢字 🎬",
    "1-2",
    "'=1",
    "a\r\nb",
    " plain ",
]


def written(rows: list[list[Any]]) -> str:
    response: Any = download("x", ["head"], rows)
    return str(b"".join(response.streaming_content).decode("utf-8"))


def test_two_hundred_formulas_come_back_as_text() -> None:
    payloads = FORMULAS + ODD
    assert len(payloads) >= 200
    text = written([[each, 1] for each in payloads])
    back = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1:]
    assert len(back) == len(payloads)
    for payload, row in zip(payloads, back, strict=True):
        assert row[0].startswith("'") or payload == '"=1', ascii(payload)
        bare, was = (each.replace("'", "") for each in (row[0], payload))
        assert (bare, row[1]) == (was, "1"), ascii(payload)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("between", [";", "; ", "\t", "\n", "\r\n", ";\u200b"])
@pytest.mark.parametrize("before", ["a lighthouse", "a lighthouse;", "=1"])
def test_a_spreadsheet_that_splits_at_semicolons_or_lines_finds_no_formula(
    before: str, between: str, start: str
) -> None:
    told = str(cell(f"{before}{between}{start}1+1;x"))
    cells = [each.lstrip(" \u200b") for each in re.split(r"[;\t\r\n]", told)]
    assert not [each for each in cells if each.startswith(STARTS)]
    assert told.replace("'", "") == f"{before}{between}{start}1+1;x"


def test_what_is_harmless_is_not_touched() -> None:
    back = list(
        csv.reader(io.StringIO(written([[each] for each in HARMLESS]).removeprefix("\ufeff"), newline=""))
    )
    assert [row[0] if row else "" for row in back[1:]] == HARMLESS


def test_numbers_stay_numbers_and_moments_are_utc() -> None:
    assert cell(-40) == -40
    assert cell(True) == "True"
    assert cell(None) == ""
    assert cell(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02 03:04:05"
    assert written([[-40, 1.5]]).endswith("\r\n-40,1.5\r\n")


@pytest.mark.parametrize("name", ['../../etc/passwd"', "a\r\nSet-Cookie: x=1", "Ärger; filename=x", "", "…"])
def test_the_name_of_a_file_is_only_a_name(name: str) -> None:
    header = download(name, [], [])["Content-Disposition"]
    assert header.startswith('attachment; filename="')
    assert set(header.removeprefix('attachment; filename="').removesuffix('.csv"')) <= set(
        "abcdefghijklmnopqrstuvwxyz0123456789-"
    )


def statement(client: Any) -> list[dict[str, str]]:
    response = client.post(reverse("generations:credits_export"))
    assert response.status_code == 200
    text = response.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_statement_is_exported_whole_and_safe(world: World, client_of: Any) -> None:
    made = finished(world, prompt="=HYPERLINK(1)")
    rows = statement(client_of("alice"))
    assert [row["Number"] for row in rows] == ["2", "1"]
    assert rows[0]["Prompt"] == "'=HYPERLINK(1)"
    assert (rows[0]["Amount"], rows[0]["Balance"]) == (str(-made.cost), str(1000 - made.cost))
    assert rows[0]["Clip"] == str(made.pk)
    event = AuditEvent.objects.get(verb="export.credits")
    assert (event.actor, event.detail) == (world.alice.user, {"entries": 2})
    assert statement(client_of("eve"))[0]["Amount"] == "1000"


def test_what_a_colleague_keeps_private_is_charged_and_not_told(world: World, client_of: Any) -> None:
    made = finished(world, world.bob, prompt="A secret launch")
    Generation.objects.filter(pk=made.pk).update(visibility=Visibility.PRIVATE)
    assert statement(client_of("alice"))[0]["Prompt"] == "(private)"


def test_creators_and_viewers_export_no_statement(world: World, client_of: Any) -> None:
    for name in ("bob", "vera"):
        assert client_of(name).post(reverse("generations:credits_export")).status_code == 403
        assert b"export.csv" not in client_of(name).get(reverse("generations:credits")).content
    assert client_of("alice").get(reverse("generations:credits_export")).status_code == 405
    assert not AuditEvent.objects.filter(verb="export.credits").exists()
