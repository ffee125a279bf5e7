"""Placing an order: once per form key, at the shown price, by those who may."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import django_rq
import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEvent, LedgerEntry, Wallet
from generations import doorbell, orders
from generations.models import EndpointSwitch, Generation, State
from tests.clips import finished
from tests.world import LITE, Studio, World, order


@pytest.mark.both_databases
def test_fifty_presses_of_one_form_make_one_generation(studio: Studio) -> None:
    wanted = order(studio.world.alice)
    start = Barrier(20)

    def press(_: int) -> uuid.UUID:
        start.wait()
        try:
            return orders.place(studio.world.alice, wanted)[0].pk
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        keys = set(pool.map(press, range(20)))
    assert len(keys) == Generation.objects.count() == 1
    assert studio.wallet().held == 40
    assert AuditEvent.objects.filter(verb="generation.created").count() == 1


@pytest.mark.both_databases
def test_an_order_rings_one_worker_and_behind_others_only_the_reconciler(studio: Studio) -> None:
    alice, bell = studio.world.alice, doorbell.Bell()
    bell.wait(0.1, stopped=lambda: False)  # it listens from here on
    first = orders.place(alice, order(alice, takes=2))[0]
    drive = django_rq.get_queue(doorbell.DRIVE)
    assert [job.args for job in drive.jobs] == [[str(first.pk)]]
    orders.place(studio.world.bob, order(studio.world.bob))
    assert bell.wait(5, stopped=lambda: False)
    assert drive.count == 1
    studio.settle()
    assert Generation.objects.filter(state=State.SUCCEEDED).count() == 3


def test_the_same_key_with_other_contents_is_refused(world: World) -> None:
    first = order(world.alice)
    orders.place(world.alice, first)
    with pytest.raises(orders.KeyReused):
        orders.place(world.alice, replace(first, input=first.input | {"prompt": "Something else"}))
    assert Generation.objects.count() == 1


def test_the_same_key_of_another_person_is_another_order(world: World) -> None:
    key = uuid.uuid4()
    orders.place(world.alice, order(world.alice, key=key))
    orders.place(world.bob, order(world.bob, key=key))
    assert Generation.objects.count() == 2


def test_a_viewer_cannot_order(world: World, wallet: Wallet) -> None:
    with pytest.raises(orders.NotAllowed):
        orders.place(world.vera, order(world.vera))
    wallet.refresh_from_db()
    assert wallet.held == 0


def test_a_changed_price_holds_nothing_and_says_both(world: World, settings: Any) -> None:
    wanted = order(world.alice)
    settings.CREDITS_MARKUP = "1.5"
    with pytest.raises(orders.PriceChanged, match="60 credits, not 40"):
        orders.place(world.alice, wanted)
    assert not Generation.objects.exists()


def test_an_endpoint_that_is_switched_off_says_why(world: World) -> None:
    EndpointSwitch.objects.create(endpoint=LITE, on_sale=False, note="Back on Monday.")
    with pytest.raises(orders.OffSale, match="Back on Monday"):
        orders.place(world.alice, order(world.alice))


def test_takes_share_the_press_and_differ_in_seed(world: World) -> None:
    takes = orders.place(world.alice, order(world.alice, takes=4, seed=2**32 - 2))
    assert [each.input["seed"] for each in takes] == [2**32 - 2, 2**32 - 1, 0, 1]
    assert len({each.form_key for each in takes}) == 1


def test_no_more_than_the_agreed_number_is_with_fal(studio: Studio, settings: Any) -> None:
    settings.FAL_MAX_IN_FLIGHT = 1
    first, second = (studio.place(prompt=f"Wave {number} [slow]") for number in range(2))
    studio.work()
    states = set(Generation.objects.values_list("state", flat=True))
    assert State.QUEUED in states
    studio.settle(first, second)
    assert first.state == second.state == State.SUCCEEDED


def test_a_refund_gives_back_a_charge_once(world: World, wallet: Wallet) -> None:
    capture = LedgerEntry.objects.get(hold=finished(world).hold)
    wallet.refund(capture, actor=None, reason="Wrong person in it")
    wallet.refresh_from_db()
    assert wallet.available == 1000
    with pytest.raises(IntegrityError), transaction.atomic():
        wallet.refund(capture, actor=None, reason="again")


def test_prompts_keys_and_tokens_are_in_no_log_line(studio: Studio, settings: Any, caplog: Any) -> None:
    settings.FAL_KEY = "canary-id:canary-secret"
    caplog.set_level("DEBUG")
    for word in ("", "[reject]", "[policy]", "[html]", "[gone]"):
        studio.place(prompt=f"canary-prompt {word}")
    studio.settle()
    assert Generation.objects.count() == 5
    assert "generation=" in caplog.text
    for secret in ("canary", "webhooks/fal/"):
        assert secret not in "\n".join(
            r.getMessage() for r in caplog.records if r.name != "django.db.backends"
        )
