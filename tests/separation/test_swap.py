"""Another tenant's id, wherever one can be put: it is not there, and no byte of the database is changed."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.urls import reverse

from generations.api.description import described
from generations.catalogue import CATALOGUE
from generations.forms import GenerationForm
from generations.models import Generation
from generations.orders import price
from tests.separation import ids
from tests.separation.asking import METHODS, address, outcome, undone, watched
from tests.separation.cast import NONE, Cast, Tenant
from tests.separation.digest import changed, digest
from tests.separation.table import ROWS, row_of
from tests.separation.urlconf import patterns

OURS = ("accounts", "generations")
# Whom nothing is refused in their own workspace, and who is in no other.
SWAPS = (("outsider", "northlight"), ("owner", "harbour"))
LOOKS_LIKE_AN_ID = (forms.UUIDField, forms.ModelChoiceField, forms.ModelMultipleChoiceField)


def test_every_word_of_a_path_is_declared() -> None:
    undeclared = [
        f"{each.name}: {word}"
        for each in patterns()
        if (row := row_of(each)) and each.name in ROWS
        for word in each.words
        if word not in row.at
    ]
    assert not undeclared, f"say in tests/separation/table.py which thing it names: {undeclared}"


def test_every_word_that_a_view_reads_is_declared() -> None:
    known = ids.NO_IDS | {each.name for each in ids.ENTRANCES}
    unknown = [f"{where} reads {word!r}" for where, word in ids.words_read() if word not in known]
    assert not unknown, (
        f"add to NO_IDS or, if it names an object, to ENTRANCES of tests/separation/ids.py: {unknown}"
    )


def test_every_field_that_looks_like_an_id_is_declared(cast: Cast) -> None:
    known = ids.NO_IDS | {each.name for each in ids.ENTRANCES}
    found = {name for form in _forms(cast.northlight) for name, field in form.items() if _is_id(name, field)}
    assert found - known == set(), "add to ENTRANCES of tests/separation/ids.py, or to NO_IDS with the reason"


def _forms(tenant: Tenant) -> Iterator[dict[str, Any]]:
    """The fields of every form class of ours, and of the create form for everything on sale."""
    for endpoint in CATALOGUE.values():
        yield GenerationForm(endpoint, tenant.actor).fields
    waiting = list(forms.BaseForm.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.split(".")[0] in OURS:
            yield getattr(kind, "base_fields", {})


def _is_id(name: str, field: forms.Field) -> bool:
    return isinstance(field, LOOKS_LIKE_AN_ID) or name.endswith(("_id", "_ids", "_pk", "_of"))


def test_every_id_in_a_body_of_the_api_is_declared() -> None:
    """The description says which words are ids; those inside `input` are the catalogue's uploads."""
    files = {each.name for entry in CATALOGUE.values() for each in entry.media_fields}
    found = set(_ids_in(described()))
    known = {each.name.removeprefix("input.") for each in ids.ENTRANCES}
    assert {"generation", "image_url", "video_url"} <= found
    assert found - known - files - {"id"} == set(), "add to ENTRANCES of tests/separation/ids.py"


def _ids_in(described: Any) -> Iterator[str]:
    """Names of properties, at whatever depth, that are ids or lists of them."""
    if isinstance(described, list):
        for each in described:
            yield from _ids_in(each)
    if not isinstance(described, dict):
        return
    for name, schema in described.get("properties", {}).items():
        text = json.dumps(schema)
        if '"format": "uuid"' in text and '"properties"' not in text:
            yield name
    for each in described.values():
        yield from _ids_in(each)


@pytest.mark.parametrize(("who", "whose"), SWAPS)
def test_another_tenants_id_in_a_path_is_not_there(cast: Cast, who: str, whose: str) -> None:
    tenant: Tenant = getattr(cast, whose)
    wrong, tried, before = [], 0, digest()
    for pattern in patterns():
        row = ROWS.get(pattern.name)
        if row is None or not set(row.at.values()) & set(tenant.things):
            continue
        asks = f"{who}'s program" if pattern.room == "api" else who
        path = address(pattern, tenant.named(row.at))
        for method in METHODS:
            with undone(), watched() as wrote:
                got = outcome(cast.callers[asks].ask(method, path, row.data if method == "POST" else None))
                tried += 1
                tables = changed(before, digest()) if wrote or method == "POST" else []
            if got not in ("404", "405") or tables:
                wrong.append(f"{pattern.name}: {method} by {asks} is {got}, changed {tables}")
    assert not wrong, "\n".join(wrong)
    assert tried >= 200


@pytest.mark.parametrize(
    "row", ids.ENTRANCES, ids=lambda row: f"{row.address} {row.method} {row.name} {row.thing}"
)
def test_another_tenants_id_in_a_query_or_form_is_invalid(cast: Cast, row: ids.Entrance) -> None:
    foreign, own, none = (
        _sent(cast, row, things) for things in (cast.northlight.things, cast.harbour.things, None)
    )
    if row.answer == "taken":
        assert (foreign["status"], foreign["changed"]) == (409, [])
        return
    assert foreign["status"] == none["status"], "a foreign id is not answered as one that does not exist"
    assert foreign["changed"] == none["changed"]
    assert foreign["linked"] == none["linked"], "what was made refers to another tenant's"
    if row.answer != "ignored":
        assert foreign["status"] in ((302,) if row.answer == "told" else (400, 404, 409, 422))
        assert foreign["changed"] == []
    for word in cast.northlight.secrets.values():
        assert foreign["text"].replace(foreign["id"], "").count(word) == 0, word
    assert own | {"id": ""} != foreign | {"id": ""}, (
        "their own id makes no difference, so this proves nothing"
    )


def _sent(cast: Cast, row: ids.Entrance, things: dict[str, Any] | None) -> dict[str, Any]:
    """What the outsider is answered who sends this thing's id; an id of nothing without `things`."""
    own = cast.harbour
    nothing = NONE if isinstance(own.things[row.thing], uuid.UUID) else 2**31 - 1
    key = str(things[row.thing] if things else nothing)
    data: Any = row.json.replace("{id}", key) or _complete(row, cast) | {row.name: row.form.format(id=key)}
    who = "outsider's program" if row.address.startswith("api:") else "outsider"
    path = reverse(row.address, kwargs=own.named(row.at))
    before = digest()
    with undone():
        response = cast.callers[who].ask(row.method, path, data)
        tables = changed(before, digest())
        linked = Generation.objects.filter(author=cast.people["outsider"], remix_of__isnull=False).count()
    text = _stable(response.content.decode().replace(key, "ID"))
    return {"status": response.status_code, "changed": tables, "text": text, "linked": linked, "id": key}


def _complete(row: ids.Entrance, cast: Cast) -> dict[str, Any]:
    """A form that would be valid but for the id."""
    if row.address != ids.CREATE:
        return {name: text.format(**cast.harbour.things) for name, text in row.more.items()}
    if row.method == "GET":
        return {}
    mode = {"image_url": "image", "video_url": "extend"}.get(row.name.rpartition("_")[0], "text")
    endpoint = next(each for each in CATALOGUE.values() if each.mode == mode)
    given = {each.name: each.default for each in endpoint.fields if each.default is not None}
    return {
        **{name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()},
        "endpoint": endpoint.id, "prompt": "A pier", "takes": 1, "form_key": str(uuid.UUID(int=7)),
        "quoted": price(endpoint, given, 1).total, "drawn_in": str(cast.harbour.actor.workspace.pk),
    }  # fmt: skip


def _stable(text: str) -> str:
    """Without what is drawn anew for each page."""
    text = re.sub(
        r'(nonce|csrfmiddlewaretoken|name="csrf[^>]*value|form_key"[^>]*value)[=" ]+[^">]+', "", text
    )
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", "ID", text)


def test_an_idempotency_key_of_another_program_is_nobodys(cast: Cast) -> None:
    path, wish = reverse("api:generations"), ROWS["api:generations"].data
    sent = [
        cast.callers[who].ask("POST", path, wish, headers={"Idempotency-Key": "one"}).json()
        for who in ("owner's program", "outsider's program", "owner's program")
    ]
    assert sent[0] == sent[2]
    assert sent[1]["id"] != sent[0]["id"]
    assert Generation.objects.get(pk=sent[1]["id"]).workspace == cast.harbour.actor.workspace


def test_whoever_switches_ends_in_the_workspace_they_chose(cast: Cast) -> None:
    path = reverse("accounts:switch", args=[cast.harbour.actor.workspace.pk])
    foreign = cast.northlight.actor.workspace.pk
    for wanted in (
        f"/w/{foreign}/gallery/",
        f"/generations/{cast.northlight.things['clip']}/",
        "//evil.example/",
    ):
        with undone():
            response = cast.callers["outsider"].ask("POST", path, {"next": wanted})
        assert response["Location"] == f"/w/{cast.harbour.actor.workspace.pk}/gallery/"
