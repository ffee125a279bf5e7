"""Lists are read piece by piece, each row once, and cost the same however long they are."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LedgerEntry, Wallet
from generations import orders
from generations.models import State
from tests.api.programs import Program, is_problem
from tests.clips import finished
from tests.world import LITE, World, order


def walked(program: Program, path: str, **query: Any) -> list[list[Any]]:
    """Every page of a list."""
    pages: list[list[Any]] = []
    after: str | None = ""
    while after is not None:
        told = program.get(path, query | {"after": after}).json()
        pages.append(told["data"])
        after = told["next"]
    return pages


@pytest.mark.both_databases
def test_pages_of_generations_hold_each_once_newest_first(world: World):
    made = [orders.place(world.alice, order(world.alice))[0] for _ in range(4)]
    made += orders.place(world.bob, order(world.bob, takes=3))  # made in the same moment
    program = Program.of(world.alice)
    pages = walked(program, "/generations", limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    rows = sorted(made, key=lambda each: (each.created_at, each.pk), reverse=True)
    assert [each["id"] for page in pages for each in page] == [str(each.pk) for each in rows]


@pytest.mark.both_databases
def test_what_is_added_meanwhile_does_not_shift_a_list(world: World):
    for _ in range(4):
        orders.place(world.alice, order(world.alice))
    program = Program.of(world.alice)
    first = program.get("/generations", {"limit": 2}).json()
    orders.place(world.alice, order(world.alice))
    second = program.get("/generations", {"limit": 2, "after": first["next"]}).json()
    assert len({each["id"] for each in [*first["data"], *second["data"]]}) == 4


@pytest.mark.both_databases
def test_the_ledger_is_read_to_its_beginning(world: World):
    wallet = Wallet.objects.get(workspace=world.alice.workspace)
    for number in range(6):
        wallet.grant(1, cause=f"more {number}")
    pages = walked(Program.of(world.bob), "/credits/ledger", limit=2)
    assert [each["seq"] for page in pages for each in page] == [7, 6, 5, 4, 3, 2, 1]
    assert LedgerEntry.objects.filter(wallet=wallet).count() == 7


def test_a_list_is_filtered_by_state_and_endpoint(world: World):
    done, waits = finished(world), orders.place(world.alice, order(world.alice))[0]
    program = Program.of(world.bob)

    def ids(**query: Any) -> list[str]:
        return [each["id"] for each in program.get("/generations", query).json()["data"]]

    assert ids(state="succeeded") == [str(done.pk)]
    assert ids(state="queued") == [str(waits.pk)]
    assert ids(endpoint=LITE, state=State.QUEUED.value) == [str(waits.pk)]
    assert ids(endpoint="fal-ai/other") == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "many"},
        {"state": "lost"},
        {"endpoint": "a\0b"},
        {"endpoint": "x" * 200},
        {"after": "forged"},
        {"after": "a:b:c"},
        {"after": "\0"},
        {"after": "é" * 50},
    ],
)
def test_an_odd_question_is_invalid_by_its_parameter(world: World, query: dict[str, Any]):
    response = Program.of(world.alice).get("/generations", query)
    assert is_problem(response, 422, "invalid")
    assert list(response.json()["errors"]) == list(query)


@pytest.mark.parametrize("path", ["/generations", "/credits/ledger", "/endpoints"])
def test_a_page_costs_the_same_with_10_and_200_rows(world: World, path: str):
    program = Program.of(world.bob)
    world.alice.workspace.wallet.grant(100_000, cause="plenty")
    program.get(path)

    def queries() -> int:
        with CaptureQueriesContext(connection) as known:
            assert program.get(path, {"limit": 100}).status_code == 200
        return len(known)

    for _ in range(5):
        finished(world)
    few = queries()
    for _ in range(100):
        finished(world)
    assert queries() == few <= 4
