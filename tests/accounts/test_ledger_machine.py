"""The ledger against a model of a few lines, by random walks of all its verbs in two wallets.

Any verb may be called twice, with too little or with what another wallet owns, and the process may die
before any of its statements. After each step the books balance and say what the model says.
The walks of a usual run are always the same ones. For other and longer ones, a matter of minutes:

    python3 manage.py test tests/accounts/test_ledger_machine.py --hypothesis-profile deep
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.books import LEDGER, broken
from accounts.models import AuditEvent, Hold, LedgerEntry, User, Wallet, open_workspace

pytestmark = [pytest.mark.both_databases, pytest.mark.breaks_invariants]  # its holds are no generation's

# A failing walk is shown as it was found: shortening one takes minutes, which `deep` takes.
USUAL = settings(
    max_examples=25,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
)


class Model:
    """What a ledger is: four dictionaries."""

    def __init__(self) -> None:
        self.posted = {"northlight": 0, "harbour": 0}
        self.holds: dict[uuid.UUID, tuple[str, int, str]] = {}
        self.charges: dict[int, tuple[str, int]] = {}
        self.causes: list[str] = []

    def held(self, wallet: str) -> int:
        return sum(n for owner, n, state in self.holds.values() if (owner, state) == (wallet, "held"))

    def post(self, wallet: str, amount: int, cause: str) -> bool:
        """Credits come or go, once per cause, and never those that are held."""
        if amount == 0 or cause in self.causes or self.posted[wallet] + amount < self.held(wallet):
            return False
        self.posted[wallet] += amount
        self.causes.append(cause)
        return True

    def hold(self, wallet: str, amounts: dict[uuid.UUID, int]) -> bool:
        """All or none."""
        if (
            self.posted[wallet] - self.held(wallet) < sum(amounts.values())
            or amounts.keys() & self.holds.keys()
        ):
            return False
        self.holds |= {key: (wallet, amount, "held") for key, amount in amounts.items()}
        return True

    def resolve(self, key: uuid.UUID, state: str) -> bool:
        """Once."""
        wallet, amount, before = self.holds[key]
        if before == "held":
            self.holds[key] = (wallet, amount, state)
        return before == "held" and (state == "released" or self.post(wallet, -amount, f"capture:{key}"))


class Died(Exception):
    """The process is gone, in the middle of a verb."""


class Death:
    """Strikes before the statement of this number; a rollback afterwards is the database's own doing."""

    def __init__(self, at: int | None) -> None:
        self.left = at

    def __call__(self, execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        if self.left is not None and "SAVEPOINT" not in sql:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Died
        return execute(sql, *args)


WALLETS = st.sampled_from(["northlight", "harbour"])
CAUSES = st.sampled_from("abcdefgh")
DEATHS = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 4))


class Ledger(RuleBasedStateMachine):
    """All verbs in any order; a walk is rolled back at its end."""

    holds: Bundle[uuid.UUID] = Bundle("holds")
    charges: Bundle[int] = Bundle("charges")

    def __init__(self) -> None:
        super().__init__()
        self.walk = transaction.atomic()
        self.walk.__enter__()
        owner = User.objects.create_user("owner@example.com", None)
        self.model = Model()
        self.wallets = {name: open_workspace(name, owner=owner).wallet for name in self.model.posted}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.walk.__exit__(None, None, None)

    def do(
        self,
        verb: Callable[[], Any],
        death: int | None,
        expected: Callable[[], bool],
        *,
        refuses: bool = True,
    ) -> Any:
        """The verb's answer, which must be as expected; None when it was refused or the process died.

        Nothing here undoes what a verb did before it failed: that it does so itself is part of the test.
        """
        try:
            with connection.execute_wrapper(Death(death)):
                answer = verb()
        except Died:
            return None
        except IntegrityError:
            assert refuses
            answer = None
        assert bool(answer) == expected()
        return answer

    @rule(wallet=WALLETS, amount=st.integers(-2, 100), cause=CAUSES, death=DEATHS)
    def grant(self, wallet: str, amount: int, cause: str, death: int | None) -> None:
        self.do(
            lambda: self.wallets[wallet].grant(amount, cause=cause),
            death,
            lambda: amount > 0 and self.model.post(wallet, amount, f"grant:{cause}"),
        )

    @rule(
        wallet=WALLETS,
        amount=st.integers(-60, 20),
        cause=CAUSES,
        reason=st.sampled_from(["", "typo", "gift"]),
        death=DEATHS,
    )
    def adjust(self, wallet: str, amount: int, cause: str, reason: str, death: int | None) -> None:
        self.do(
            lambda: self.wallets[wallet].adjust(amount, cause=cause, actor=None, reason=reason),
            death,
            lambda: bool(reason) and self.model.post(wallet, amount, f"adjust:{cause}"),
        )

    @rule(
        target=holds,
        wallet=WALLETS,
        amounts=st.lists(st.integers(1, 40), min_size=1, max_size=4),
        death=DEATHS,
    )
    def hold(self, wallet: str, amounts: list[int], death: int | None) -> Any:
        return self._hold(wallet, {uuid.uuid4(): amount for amount in amounts}, death, refuses=False)

    @rule(target=holds, wallet=WALLETS, again=holds, amount=st.integers(1, 40), death=DEATHS)
    def hold_again(self, wallet: str, again: uuid.UUID, amount: int, death: int | None) -> Any:
        """A fresh hold beside one that exists: neither is made."""
        return self._hold(wallet, {uuid.uuid4(): amount, again: amount}, death)

    def _hold(
        self, wallet: str, amounts: dict[uuid.UUID, int], death: int | None, *, refuses: bool = True
    ) -> Any:
        event = AuditEvent.of("test", self.wallets[wallet], actor=None)
        holds = [Hold(pk=key, amount=amount) for key, amount in amounts.items()]
        done = self.do(
            lambda: self.wallets[wallet].hold(holds, rows=[event]),
            death,
            lambda: self.model.hold(wallet, amounts),
            refuses=refuses,
        )
        return multiple(*(amounts if done else ()))

    @rule(target=charges, key=holds, death=DEATHS)
    def capture(self, key: uuid.UUID, death: int | None) -> Any:
        entry = self._resolve(Wallet.capture, key, Hold.State.CAPTURED, death)
        if entry is None:
            return multiple()
        self.model.charges[entry.pk] = self.model.holds[key][:2]
        return entry.pk

    @rule(key=holds, death=DEATHS)
    def release(self, key: uuid.UUID, death: int | None) -> None:
        self._resolve(Wallet.release, key, Hold.State.RELEASED, death)

    def _resolve(
        self, verb: Callable[[uuid.UUID], Any], key: uuid.UUID, state: str, death: int | None
    ) -> Any:
        return self.do(lambda: verb(key), death, lambda: self.model.resolve(key, state), refuses=False)

    @rule(charge=charges, payer=st.booleans(), death=DEATHS)
    def refund(self, charge: int, payer: bool, death: int | None) -> None:
        wallet, amount = self.model.charges[charge]
        entry = LedgerEntry.objects.get(pk=charge)
        if not payer:
            (other,) = self.model.posted.keys() - {wallet}
            with pytest.raises(ValueError, match="paid"):
                self.wallets[other].refund(entry, actor=None, reason="test")
            return
        self.do(
            lambda: self.wallets[wallet].refund(entry, actor=None, reason="test"),
            death,
            lambda: self.model.post(wallet, amount, f"refund:{charge}"),
        )

    @invariant()
    def the_books_balance(self) -> None:
        assert not list(broken(LEDGER))

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        said = Wallet.objects.values_list("workspace__name", "posted", "held")
        assert set(said) == {(name, n, self.model.held(name)) for name, n in self.model.posted.items()}
        holds = Hold.objects.values_list("pk", "wallet__workspace__name", "amount", "state")
        assert {key: tuple(rest) for key, *rest in holds} == self.model.holds
        assert set(LedgerEntry.objects.values_list("cause_key", flat=True)) == set(self.model.causes)


def test_the_ledger_does_what_a_model_of_a_few_lines_does(db: None, on_postgres: bool) -> None:
    how = USUAL
    if settings.get_current_profile_name() == "deep":
        how = settings.get_profile("deep")
        if on_postgres:  # it takes several times as long over each statement
            how = settings(how, max_examples=how.max_examples // 10)
    run_state_machine_as_test(Ledger, settings=how)
