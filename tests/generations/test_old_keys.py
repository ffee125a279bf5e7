"""A form's key, in another workspace than the one in which it was sent: nothing of the first is told."""

import uuid

import pytest

from accounts import team
from accounts.budgets import set_budget
from accounts.models import Budget, Membership, open_workspace
from accounts.policy import Actor
from generations import orders
from generations.api import wishes
from generations.api.representation import Wish
from generations.approvals import deny
from generations.models import Generation
from tests.api.programs import WISH, Program
from tests.world import World, order

pytestmark = pytest.mark.both_databases


@pytest.fixture
def at_home(world: World) -> Actor:
    """Bob in a studio of his own, with credits."""
    own = open_workspace("Bob's own", owner=world.bob.user)
    own.wallet.grant(500, cause="test")
    return Actor.of(Membership.objects.select_related("user", "workspace").get(workspace=own))


def removed(world: World) -> None:
    bob = Membership.objects.select_related("user", "workspace").get(
        user=world.bob.user, workspace=world.alice.workspace
    )
    team.remove(world.alice, bob)


def test_a_removed_member_learns_nothing_by_the_key_of_a_program(world: World, at_home: Actor) -> None:
    program = Program.of(at_home)
    assert program.token
    set_budget(world.alice, Budget(most=0, beyond="ask"))
    wish = wishes.order(world.bob, Wish(**WISH), uuid.uuid5(program.token.pk, "k"))
    parked = orders.place(world.bob, wish)[0]
    removed(world)
    deny(world.alice, parked, "Do not tell him")
    answer = program.create(key="k")
    assert answer.status_code == 409
    assert "Do not tell him" not in answer.content.decode()
    assert str(parked.pk) not in answer.content.decode()


def test_the_key_of_another_workspace_is_refused_and_nothing_is_charged(world: World, at_home: Actor) -> None:
    wish = order(world.bob)
    placed = orders.place(world.bob, wish)
    with pytest.raises(orders.KeyReused, match="another workspace"):
        orders.place(at_home, order(at_home, key=wish.form_key))
    assert Generation.objects.count() == 1
    at_home.workspace.wallet.refresh_from_db()
    assert at_home.workspace.wallet.available == 500
    assert orders.place(world.bob, wish) == placed
