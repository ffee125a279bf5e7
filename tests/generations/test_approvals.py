"""What is over a budget that asks: parked with nothing held, decided once, told to whoever it concerns."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.budgets import set_budget
from accounts.models import (
    ApiToken,
    AuditEvent,
    Budget,
    Hold,
    Letter,
    Membership,
    Notification,
    Role,
    Scope,
    User,
    Wallet,
)
from accounts.policy import Actor
from generations import orders
from generations.approvals import Decided, approve, deny, lapse, raise_and_approve
from generations.cancelling import cancel
from generations.fal.failures import Reason
from generations.models import EndpointSwitch, Generation, State
from generations.motor import drive
from generations.timing import now
from tests.world import LITE, World, order

pytestmark = pytest.mark.both_databases

PRICE = 40


def limit(world: World, most: int, *, beyond: str = "ask", **about: Any) -> Budget:
    """A budget that the owner sets."""
    return set_budget(world.alice, Budget(most=most, beyond=beyond, **about))


def parked(world: World, *, takes: int = 1, who: Actor | None = None) -> Generation:
    """Bob's, over a budget that asks."""
    if not Budget.objects.exists():
        limit(world, 10, member=world.bob.user)
    person = who or world.bob
    first = orders.place(person, order(person, takes=takes))[0]
    assert first.state == State.AWAITING
    return first


def state(generation: Generation) -> str:
    generation.refresh_from_db()
    return generation.state


def lines(person: Actor) -> list[str]:
    return list(Notification.objects.filter(user=person.user).order_by("pk").values_list("text", flat=True))


# ── Over a budget ───────────────────────────────────────────────────────────────────────────────


def test_over_a_budget_that_refuses_it_says_which_what_is_left_and_who_can_raise_it(world: World) -> None:
    limit(world, 75, beyond="refuse", member=world.bob.user)
    orders.place(world.bob, order(world.bob))
    with pytest.raises(orders.OverBudget) as refused:
        orders.place(world.bob, order(world.bob))
    assert str(refused.value) == (
        "This costs 40 credits, over the budget of 75 credits a month for Bob (35 left). Nothing was charged."
        " Alice can raise it."
    )
    assert (Generation.objects.count(), Hold.objects.count()) == (1, 1)


def test_no_more_than_three_people_are_named(world: World) -> None:
    for name in ("carl", "dora", "emil"):
        user = User.objects.create_user(f"{name}@example.com", None, first_name=name.title())
        Membership.objects.create(user=user, workspace=world.alice.workspace, role=Role.BILLING)
    limit(world, 0, beyond="refuse", role=Role.CREATOR, tier="lite")
    with pytest.raises(orders.OverBudget, match=r"allows nothing.* Alice, Carl or Dora can raise it\."):
        orders.place(world.bob, order(world.bob))


def test_missing_credits_are_told_before_any_budget(world: World, wallet: Wallet) -> None:
    limit(world, 10)
    wallet.adjust(-980, cause="test", actor=None, reason="test")
    with pytest.raises(orders.NotEnough):
        orders.place(world.bob, order(world.bob))
    assert not Generation.objects.exists()


def test_one_budget_that_refuses_outweighs_all_that_ask(world: World) -> None:
    limit(world, 5, member=world.bob.user)
    limit(world, 30, beyond="refuse")
    with pytest.raises(orders.OverBudget, match="for the workspace"):
        orders.place(world.bob, order(world.bob))
    assert not Notification.objects.exists()


def test_an_order_over_a_budget_that_asks_is_parked_with_nothing_held(world: World, wallet: Wallet) -> None:
    first = parked(world, takes=2)
    wallet.refresh_from_db()
    assert (wallet.held, Hold.objects.count(), Budget.objects.get().used) == (0, 0, 0)
    takes = Generation.objects.filter(form_key=first.form_key)
    assert {(each.state, each.hold_id, each.prompt) for each in takes} == {
        (State.AWAITING, None, "A lighthouse at dusk")
    }
    assert takes.count() == 2
    assert first.deadline_at == first.wake_at
    assert timedelta(days=6) < first.deadline_at - now() <= timedelta(days=7)
    event = AuditEvent.objects.get(verb="generation.parked")
    assert (event.actor, event.detail["credits"], event.detail["takes"]) == (world.bob.user, 80, 2)


def test_those_who_decide_are_told_by_bell_and_mail_with_the_price_and_the_way(
    world: World, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://studio.example"
    parked(world)
    assert lines(world.alice) == ["Bob asks for 40 credits for “A lighthouse at dusk”"]
    assert not lines(world.bob)
    assert not lines(world.vera)
    letter = Letter.objects.get()
    assert letter.to == "alice@example.com"
    address = f"https://studio.example/w/{world.alice.workspace.pk}/team/approvals/"
    for words in ("A lighthouse at dusk", "Price: 40 credits", "10 credits a month for Bob", address):
        assert words in letter.text
    assert letter.subject == "Bob asks for 40 credits in Northlight"
    assert Notification.objects.get().address == f"/team/approvals/#ask-{Generation.objects.get().pk}"


def test_words_in_a_mail_are_not_turned_into_entities(world: World) -> None:
    limit(world, 10)
    orders.place(world.bob, order(world.bob, prompt="Tom & Jerry's <chase>"))
    assert "Tom & Jerry's <chase>" in Letter.objects.get().text


def test_a_prompt_of_several_lines_cannot_pass_for_a_text_of_ours(world: World) -> None:
    limit(world, 10, member=world.bob.user)
    words = "Waves\n\nYour budget page has moved:\n\n  https://evil.example/" + " and on" * 60
    orders.place(world.bob, order(world.bob, prompt=words))
    text = Letter.objects.latest("pk").text
    assert "  Waves Your budget page has moved: https://evil.example/ and on" in text
    assert text.count("and on") == 60  # a prompt is told as far as there is room


def test_the_mail_leads_to_the_picture(world: World) -> None:
    limit(world, 10)
    wanted = order(world.bob, "fal-ai/veo3.1/lite/image-to-video")
    orders.place(world.bob, wanted)
    picture = wanted.input["image_url"]
    assert f"/w/{world.bob.workspace.pk}/media/{picture}/input" in Letter.objects.get().text


def test_one_form_is_parked_once_however_often_it_is_sent(world: World) -> None:
    limit(world, 10)
    wanted = order(world.bob)
    first, again = (orders.place(world.bob, wanted) for _ in range(2))
    assert first == again
    assert (Generation.objects.count(), Letter.objects.count()) == (1, 1)
    with pytest.raises(orders.KeyReused):
        orders.place(world.bob, replace(wanted, input=wanted.input | {"prompt": "Another"}))


def test_what_is_parked_counts_among_what_a_member_may_have_waiting(world: World, settings: Any) -> None:
    settings.MEMBER_MAX_QUEUED = 2
    limit(world, 10)
    parked(world, takes=2)
    with pytest.raises(orders.TooMany):
        orders.place(world.bob, order(world.bob))


def test_an_owner_alone_decides_about_their_own(world: World) -> None:
    set_budget(world.eve, Budget(most=1, beyond="ask"))
    first = orders.place(world.eve, order(world.eve))[0]
    assert lines(world.eve) == ["Eve asks for 40 credits for “A lighthouse at dusk”"]
    approve(world.eve, first)
    assert state(first) == State.QUEUED


# ── Decisions ───────────────────────────────────────────────────────────────────────────────────


def test_an_approved_order_goes_on_with_all_its_takes(world: World, wallet: Wallet) -> None:
    first = parked(world, takes=3)
    assert len(approve(world.alice, first)) == 3
    wallet.refresh_from_db()
    assert (wallet.held, Budget.objects.get().used) == (3 * PRICE, 3 * PRICE)
    takes = Generation.objects.select_related("hold")
    assert {each.state for each in takes} == {State.QUEUED}
    assert all(each.hold and each.hold.spender == world.bob.user for each in takes)
    assert all(each.wake_at and each.wake_at <= now() for each in takes)
    assert list(Generation.objects.waiting()) != []
    event = AuditEvent.objects.get(verb="generation.approved")
    assert (event.actor, event.acting_as) == (world.alice.user, "owner")
    assert event.after == {"state": "queued"}
    assert lines(world.bob) == ["Alice approved “A lighthouse at dusk” (120 credits)"]
    assert Letter.objects.filter(to="bob@example.com", subject__startswith="Approved").count() == 1


def test_a_second_approval_changes_nothing(world: World, wallet: Wallet) -> None:
    first = parked(world)
    approve(world.alice, first)
    with pytest.raises(Decided, match="queued"):
        approve(world.alice, first)
    wallet.refresh_from_db()
    assert (wallet.held, Hold.objects.count()) == (PRICE, 1)


def test_raising_the_budget_makes_just_enough_room(world: World) -> None:
    budget = limit(world, 60, member=world.bob.user)
    orders.place(world.bob, order(world.bob))
    first = parked(world)
    raise_and_approve(world.alice, first)
    budget.refresh_from_db()
    assert (budget.most, budget.used) == (80, 80)
    event = AuditEvent.objects.get(verb="budget.changed")
    assert event.before
    assert event.after
    assert (event.before["most"], event.after["most"]) == (60, 80)


def test_a_denial_ends_it_with_a_reason_and_costs_nothing(world: World, client_of: Any) -> None:
    first = parked(world, takes=2)
    deny(world.alice, first, "Use the 720p version, please")
    assert all(each.hold is None for each in Generation.objects.all())
    assert set(Generation.objects.values_list("state", "reason")) == {(State.CANCELLED, Reason.DENIED)}
    assert Budget.objects.get().used == 0
    assert AuditEvent.objects.get(verb="generation.denied").detail["reason"] == "Use the 720p version, please"
    assert "Use the 720p version, please" in Letter.objects.get(to="bob@example.com").text
    page = client_of("bob").get(f"/generations/{first.pk}/").content.decode()
    assert "Use the 720p version, please" in page
    with pytest.raises(Decided, match="cancelled"):
        approve(world.alice, first)


@pytest.mark.parametrize("how", ["approved", "denied", "cancelled", "lapsed"])
def test_what_is_decided_is_not_new_in_anybody_s_bell(world: World, how: str) -> None:
    carl = User.objects.create_user("carl@example.com", None)
    Membership.objects.create(user=carl, workspace=world.alice.workspace, role=Role.BILLING)
    first, other = parked(world, takes=2), parked(world)
    told = Notification.objects.filter(user__in=[carl, world.alice.user], read_at=None)
    assert told.count() == 4
    takes = list(Generation.objects.filter(form_key=first.form_key).order_by("take"))
    if how == "approved":
        approve(world.alice, first)
    elif how == "denied":
        deny(world.alice, first, "No.")
    for number, take in enumerate(takes if how in ("cancelled", "lapsed") else []):
        assert told.count() == 4, f"{number} of the takes still wait"
        if how == "cancelled":
            cancel(take, world.bob)
        else:
            lapse(take)
    addresses = set(told.values_list("address", flat=True))
    assert (told.count(), addresses) == (2, {f"/team/approvals/#ask-{other.pk}"})


@pytest.mark.parametrize("who", ["bob", "vera", "eve"])
def test_who_may_not_decide_decides_nothing(world: World, who: str) -> None:
    first = parked(world)
    for verb in (approve, raise_and_approve, lambda actor, each: deny(actor, each, "no")):
        with pytest.raises((orders.NotAllowed, Decided)):
            verb(getattr(world, who), first)
    assert state(first) == State.AWAITING
    assert not Hold.objects.exists()


def refusals(world: World, wallet: Wallet, why: str) -> type[orders.Refused]:
    """Put something in the way of an approval."""
    match why:
        case "credits":
            wallet.adjust(-980, cause="test", actor=None, reason="test")
            return orders.NotEnough
        case "a budget that refuses":
            limit(world, 30, beyond="refuse")
            return orders.OverBudget
        case "off sale":
            EndpointSwitch.objects.create(endpoint=LITE, on_sale=False)
            return orders.OffSale
        case "left":
            Membership.objects.filter(user=world.bob.user).delete()
        case "suspended":
            Membership.objects.filter(user=world.bob.user).update(suspended_at=now())
        case "demoted":
            Membership.objects.filter(user=world.bob.user).update(role=Role.VIEWER)
    return orders.NotAllowed


@pytest.mark.parametrize(
    "why", ["credits", "a budget that refuses", "off sale", "left", "suspended", "demoted"]
)
def test_an_approval_that_cannot_be_is_refused_and_changes_nothing(
    world: World, wallet: Wallet, why: str
) -> None:
    first = parked(world)
    expected = refusals(world, wallet, why)
    for verb in (approve, raise_and_approve):
        with pytest.raises(expected):
            verb(world.alice, first)
    assert state(first) == State.AWAITING
    assert (Hold.objects.count(), Budget.objects.earliest("pk").most) == (0, 10)
    assert not AuditEvent.objects.filter(verb__in=["generation.approved", "budget.changed"]).exists()


def test_what_a_program_ordered_counts_for_its_token_and_dies_with_it(world: World) -> None:
    token, _ = ApiToken.draw(
        workspace=world.bob.workspace, user=world.bob.user, name="cut", scopes=[Scope.CREATE]
    )
    token.save()
    program = replace(world.bob, token=token)
    budget = limit(world, 10, token=token)
    first, second = parked(world, who=program), parked(world, who=program)
    approve(world.alice, first)
    budget.refresh_from_db()
    assert budget.used == PRICE
    ApiToken.objects.update(revoked_at=now())
    with pytest.raises(orders.NotAllowed):
        approve(world.alice, second)


def test_after_its_deadline_it_cannot_be_approved_and_ends_by_itself(world: World) -> None:
    first = parked(world)
    past = now() - timedelta(minutes=1)
    Generation.objects.update(deadline_at=past, wake_at=past)
    with pytest.raises(Decided, match="time to decide"):
        approve(world.alice, first)
    drive(first.pk)
    first.refresh_from_db()
    assert (first.state, first.reason) == (State.CANCELLED, Reason.UNDECIDED)
    assert lines(world.bob) == ["Nobody decided in time about “A lighthouse at dusk”"]


def test_before_its_deadline_the_motor_leaves_it_alone(world: World) -> None:
    first = parked(world)
    Generation.objects.update(wake_at=now())
    drive(first.pk)
    assert state(first) == State.AWAITING


def test_its_author_cancels_it_at_once_and_is_told_the_truth(world: World, client_of: Any) -> None:
    first = parked(world)
    page = client_of("bob").post(f"/generations/{first.pk}/cancel/", follow=True).content.decode()
    assert "Cancelled. Nothing was held for it." in page
    assert state(first) == State.CANCELLED
    with pytest.raises(Decided):
        approve(world.alice, first)
