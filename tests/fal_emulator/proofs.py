"""Proofs that a fate does what its row says, by the fate's word."""

from collections.abc import Callable

from fal_emulator.server import Emulator

from .conftest import Fal, Sink

Proof = Callable[[Emulator, Fal, Sink], None]


class Proofs(dict[str, Proof]):
    """One module's share of the table."""

    def of(self, word: str) -> Callable[[Proof], Proof]:
        def keep(proof: Proof) -> Proof:
            self[word] = proof
            return proof

        return keep
