"""The pages of budgets, approvals and the bell, and what people see of them elsewhere."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import bell, team
from accounts.budgets import set_budget
from accounts.models import ApiToken, Budget, Membership, Notification, Role, User
from accounts.models.budget import month_of
from generations import orders, parking
from generations.models import Generation, State
from generations.views.budgets import BudgetForm
from tests.generations.composing import TEXT, fields
from tests.generations.test_approvals import limit, parked
from tests.world import World, order

BUDGETS, APPROVALS, BELL, CREATE = "/team/budgets/", "/team/approvals/", "/bell/", "/create/"
NEW = {"who": "workspace", "tier": "", "resolution": "", "most": "500", "beyond": "ask"}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


# ── Budgets ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("address", [BUDGETS, APPROVALS])
def test_only_those_who_handle_money_open_the_pages(world: World, client_of: Any, address: str) -> None:
    assert client_of("alice").get(address).status_code == 200
    for name in ("bob", "vera"):
        assert client_of(name).get(address).status_code == 403
        assert client_of(name).post(BUDGETS, NEW).status_code == 403
    Membership.objects.filter(user=world.vera.user).update(role=Role.BILLING)
    assert client_of("vera").get(address).status_code == 200
    assert not Budget.objects.exists()
    assert Client().get(address).status_code == 302


def test_a_budget_is_set_changed_and_removed_on_its_page(world: World, client_of: Any) -> None:
    orders.place(world.bob, order(world.bob))
    alice = client_of("alice")
    who = f"member:{world.bob.user.pk}"
    assert alice.post(BUDGETS, NEW | {"who": who, "resolution": "720p", "tier": "lite"}).status_code == 302
    budget = Budget.objects.get()
    assert (budget.member, budget.tier, budget.resolution) == (world.bob.user, "lite", "720p")
    assert (budget.most, budget.beyond, budget.used) == (500, "ask", 40)
    page = text(alice.get(BUDGETS))
    assert "Bob, Veo 3.1 Lite in 720p" in page
    assert 'max="500" value="40"' in page
    assert alice.post(f"{BUDGETS}{budget.pk}/", {"most": "60", "beyond": "refuse"}).status_code == 302
    budget.refresh_from_db()
    assert (budget.most, budget.beyond) == (60, "refuse")
    assert alice.post(f"{BUDGETS}{budget.pk}/remove/").status_code == 302
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("most", ""), ("most", "-1"), ("most", "1.5"), ("who", "member:0"), ("who", "x"), ("tier", "gold"),
     ("resolution", "8k"), ("beyond", "shrug")],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field_and_the_rest_stays(
    world: World, client_of: Any, name: str, value: str
) -> None:
    answer = client_of("alice").post(BUDGETS, NEW | {"most": "77", "resolution": "720p", name: value})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [name]
    assert name == "most" or 'value="77"' in text(answer)
    assert not Budget.objects.exists()


def test_a_second_budget_about_the_same_thing_is_refused(world: World, client_of: Any) -> None:
    alice = client_of("alice")
    assert alice.post(BUDGETS, NEW).status_code == 302
    again = alice.post(BUDGETS, NEW)
    assert again.status_code == 422
    assert "about just this already. Change that one instead." in text(again)
    assert Budget.objects.count() == 1


def test_a_wrong_change_shows_its_own_form_again(world: World, client_of: Any) -> None:
    budget, other = limit(world, 100), limit(world, 200, member=world.bob.user)
    answer = client_of("alice").post(f"{BUDGETS}{budget.pk}/", {"most": "lots", "beyond": "ask"})
    assert answer.status_code == 422
    assert 'value="lots"' in text(answer)
    assert f"budget-{other.pk}" not in text(answer)


def test_people_tokens_and_budgets_of_another_workspace_are_not_to_be_had(
    world: World, client_of: Any
) -> None:
    token, _ = ApiToken.draw(workspace=world.alice.workspace, user=world.alice.user, name="cut")
    token.save()
    budget = limit(world, 100)
    eve = client_of("eve")
    for who in (f"member:{world.bob.user.pk}", f"token:{token.pk}"):
        assert eve.post(BUDGETS, NEW | {"who": who}).status_code == 422
        assert client_of("alice").post(BUDGETS, NEW | {"who": who}).status_code == 302
    assert eve.post(f"{BUDGETS}{budget.pk}/", {"most": "1", "beyond": "ask"}).status_code == 404
    assert eve.post(f"{BUDGETS}{budget.pk}/remove/").status_code == 404
    assert f"budget-{budget.pk}" not in text(eve.get(BUDGETS))
    assert Budget.objects.filter(workspace=world.alice.workspace).count() == 3
    assert not Budget.objects.filter(workspace=world.eve.workspace).exists()


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


@pytest.mark.breaks_invariants  # budgets that no verb made
def test_pages_cost_the_same_queries_for_ten_and_two_hundred_rows(world: World, client_of: Any) -> None:
    alice, counts = client_of("alice"), []
    first = limit(world, 10, member=world.bob.user)
    one = parked(world)
    for upto in (10, 200):
        have = Budget.objects.count()
        for number in range(have, upto):
            user = User.objects.create_user(f"p{number}@example.com", None)
            Membership.objects.create(user=user, workspace=world.alice.workspace)
            Budget.objects.create(
                workspace=world.alice.workspace, member=user, most=5, month=month_of(timezone.now())
            )
            bell.ring([world.alice.user], world.alice.workspace, f"line {number}", "/queue/")
            if number < 40 or number % 8 == 0:
                fresh = Generation.objects.get(pk=one.pk)
                parking.park(world.bob, [_copy(fresh)], [first])
        counts.append([queries(alice, each) for each in (BUDGETS, APPROVALS, BELL, "/queue/")])
    assert counts[0] == counts[1]


def _copy(generation: Generation) -> Generation:
    return Generation(
        **{
            field.attname: getattr(generation, field.attname)
            for field in Generation._meta.concrete_fields
            if field.name not in ("id", "form_key")
        }
        | {"form_key": uuid.uuid4()}
    )


# ── Approvals ───────────────────────────────────────────────────────────────────────────────────


def test_an_approver_sees_what_is_asked_and_decides(world: World, client_of: Any) -> None:
    first, second = parked(world, takes=2), parked(world)
    alice = client_of("alice")
    page = text(alice.get(APPROVALS))
    for words in ("A lighthouse at dusk", "80 cr", "for 2 takes", "10 credits a month for Bob"):
        assert words in page
    answer = alice.post(f"{APPROVALS}{first.pk}/", {"decision": "approve"}, follow=True)
    assert "Approved: 80 credits are held" in text(answer)
    answer = alice.post(f"{APPROVALS}{second.pk}/", {"decision": "deny", "reason": ""})
    assert answer.status_code == 422
    assert "Say why" in text(answer)
    answer = alice.post(f"{APPROVALS}{second.pk}/", {"decision": "deny", "reason": "Too dear"}, follow=True)
    assert "Denied" in text(answer)
    assert "Too dear" in text(answer)
    assert Generation.objects.filter(state=State.AWAITING).count() == 0


def test_a_refused_approval_says_why(world: World, client_of: Any) -> None:
    first = parked(world)
    limit(world, 5, beyond="refuse")
    answer = client_of("alice").post(f"{APPROVALS}{first.pk}/", {"decision": "raise"}, follow=True)
    assert "Raise that first" in text(answer)


def test_colleagues_strangers_and_a_strange_word_decide_nothing(world: World, client_of: Any) -> None:
    first = parked(world)
    address = f"{APPROVALS}{first.pk}/"
    for decision in ("approve", "raise", "deny"):
        sent = {"decision": decision, "reason": "x"}
        assert client_of("bob").post(address, sent).status_code == 403
        assert client_of("vera").post(address, sent).status_code == 403
        assert client_of("eve").post(address, sent).status_code == 404
    assert client_of("alice").post(address, {"decision": "shrug"}).status_code == 302
    assert client_of("alice").get(address).status_code == 405
    first.refresh_from_db()
    assert first.state == State.AWAITING
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.alice.user)
    assert strict.post(address, {"decision": "approve"}).status_code == 403


def test_what_is_parked_says_for_whom_it_waits_wherever_it_is_shown(world: World, client_of: Any) -> None:
    first = parked(world)
    words = "Over the budget of 10 credits a month for Bob (10 left); waits for approval by Alice"
    for address in ("/queue/", "/gallery/", f"/generations/{first.pk}/"):
        assert words in text(client_of("bob").get(address))
    assert "Waiting for approval" in text(client_of("bob").get("/queue/"))
    page = text(client_of("bob").get(f"/generations/{first.pk}/"))
    assert "so this costs nothing" in page
    assert "Cancelled" not in page
    assert "Statement" not in page  # no entry is about it, least of all one of another workspace
    live = client_of("bob").get("/live/", {"c": f"{first.pk}:other"})
    assert words in text(live)


# ── Before the press, and after it ──────────────────────────────────────────────────────────────


def test_the_price_says_what_is_left_of_the_tightest_budget(world: World, client_of: Any) -> None:
    limit(world, 500)
    limit(world, 100, member=world.bob.user)
    page = text(client_of("bob").get(CREATE))
    assert "Left of the budget this month" in page
    assert "60 cr" in page
    assert "Ask for approval" not in page


def test_before_the_press_one_is_told_that_it_will_need_approval(world: World, client_of: Any) -> None:
    limit(world, 10, member=world.bob.user)
    page = text(client_of("bob").get(CREATE))
    assert "it will wait for approval by Alice, with nothing held" in page
    assert ">Ask for approval<" in page
    answer = client_of("bob").post(CREATE, fields(TEXT, quoted="40"), follow=True)
    assert "waits for approval by Alice. Nothing is held until then." in text(answer)
    assert "Ask for approval" not in text(client_of("alice").get(CREATE))


def test_before_the_press_one_is_told_that_it_will_be_refused(world: World, client_of: Any) -> None:
    limit(world, 10, beyond="refuse", role=Role.CREATOR)
    assert "Alice can raise it." in text(client_of("bob").get(CREATE))
    answer = client_of("bob").post(CREATE, fields(TEXT, quoted="40"))
    assert answer.status_code == 409
    assert "10 credits a month for every creator (10 left)" in text(answer)


# ── The bell ────────────────────────────────────────────────────────────────────────────────────


def test_the_bell_counts_what_is_new_until_it_is_marked_read(world: World, client_of: Any) -> None:
    for number in range(12):
        bell.ring([world.bob.user], world.bob.workspace, f"Line {number}", "/queue/")
    bob = client_of("bob")
    page = text(bob.get("/queue/"))
    assert "Notifications, 12 new" in page
    assert f'href="/w/{world.bob.workspace.pk}/queue/"' in page
    assert "Line 11" in page
    assert "Line 1<" not in page
    newest = Notification.objects.latest("pk").pk
    bell.ring([world.bob.user], world.bob.workspace, "Came meanwhile", "/queue/")
    bob.post("/bell/read/", {"last": str(newest)})
    assert "Notifications, 1 new" in text(bob.get("/queue/"))
    assert bob.post("/bell/read/", {"last": "x"}).status_code == 302
    assert "Notifications, 1 new" in text(bob.get("/queue/"))
    assert bob.get("/bell/read/").status_code == 405


def test_the_bells_page_goes_back_page_by_page_and_is_ones_own(world: World, client_of: Any) -> None:
    for number in range(35):
        bell.ring([world.bob.user], world.bob.workspace, f"Line {number}.", "/queue/")
    first = client_of("bob").get(BELL)
    assert [each.text for each in first.context["lines"]][::29] == ["Line 34.", "Line 5."]
    second = client_of("bob").get(BELL, {"after": first.context["next"]})
    assert [each.text for each in second.context["lines"]] == [
        f"Line {number}." for number in (4, 3, 2, 1, 0)
    ]
    assert client_of("bob").get(BELL, {"after": "odd"}).status_code == 200
    assert "Line" not in text(client_of("alice").get(BELL))
    client_of("alice").post("/bell/read/", {"last": "99999999"})
    assert Notification.objects.filter(read_at=None).count() == 35


def test_a_line_leads_into_its_own_workspace_whatever_was_open_when_it_was_written(
    world: World, client_of: Any
) -> None:
    limit(world, 10, member=world.bob.user)
    bob = client_of("bob")
    here = f"/w/{world.bob.workspace.pk}"
    assert bob.post(f"{here}{CREATE}", fields(TEXT, quoted="40")).status_code == 302
    assert Notification.objects.get().address.startswith(f"{APPROVALS}#ask-")
    assert client_of("alice").get(f"{here}{APPROVALS}").status_code == 200


def test_a_person_in_no_workspace_has_a_bell_too_and_nothing_in_it(world: World, client_of: Any) -> None:
    bell.ring([world.bob.user], world.bob.workspace, "Goodbye", "/queue/")
    bob = client_of("bob")
    world.bob.user.memberships.all().delete()
    page = bob.get(BELL)
    assert (page.status_code, "Goodbye" in text(page)) == (200, False)
    assert Client().get(BELL).status_code == 302


def test_a_tokens_budget_is_named_by_the_token(world: World, client_of: Any) -> None:
    token, _ = ApiToken.draw(workspace=world.alice.workspace, user=world.alice.user, name="cut")
    token.save()
    set_budget(world.alice, Budget(token=token, most=5))
    assert f"Cut ({token.prefix}" in text(client_of("alice").get(BUDGETS))


def test_a_budget_for_somebody_who_leaves_at_the_same_moment_is_refused_at_its_field(
    world: World, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Membership.objects.get(user=world.bob.user, workspace=world.alice.workspace)
    valid = BudgetForm.is_valid

    def then_gone(form: BudgetForm) -> bool:
        found = valid(form)
        team.remove(world.alice, gone)
        return found

    monkeypatch.setattr(BudgetForm, "is_valid", then_gone)
    given = {"who": f"member:{world.bob.user.pk}", "most": "5", "beyond": "refuse"}
    answer = client_of("alice").post("/team/budgets/", given)
    assert answer.status_code == 422
    assert answer.context["form"].errors["who"]
    assert not Budget.objects.exists()
