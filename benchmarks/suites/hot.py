"""H1, H2: one wallet that everybody wants at once: how many holds per second, and never one too many."""

from benchmarks import seeding
from benchmarks.clients import team
from benchmarks.pairs import Turns
from benchmarks.report import Fact, Found, Line, against
from benchmarks.reservation import cost
from benchmarks.reserving import HOLD, HORDAK, ONE, ORM, Crowd, granted
from benchmarks.stage import Stage

NAME = "hot"
FEW, MANY = 4, 16
AFFORDABLE = 500


def measure(stage: Stage, turns: Turns) -> Found:
    """Sixteen clients, then four; then a wallet that can pay for so many and no more."""
    lines: list[Line] = []
    facts: list[Fact] = []
    for clients in (MANY, FEW):
        crowd = Crowd(stage, f"{NAME}{clients}", clients=clients, wallets=1)
        rates, found = crowd.compete(turns, [HOLD, ONE, ORM, HORDAK])
        suffix = f", {clients} clients"
        lines += [
            against(rates, "H1", HOLD, ONE, floor=0.60, where=suffix),
            against(rates, "", HOLD, ORM, where=suffix),
            against(rates, "", HOLD, HORDAK, where=suffix),
            against(rates, "", ORM, ONE, where=suffix),
        ]
        facts += found
    return Found(NAME, lines, [*facts, *exactly(stage)], ["One wallet for everybody."])


def exactly(stage: Stage) -> list[Fact]:
    """H2: everybody asks until nobody gets anything any more."""
    told = stage.fresh_database(NAME)
    seeding.teams(1, AFFORDABLE * cost())
    with team("benchmarks.reservation:hold", MANY, told, hot=True) as crowd:
        return granted(crowd, AFFORDABLE, f"of {MANY} clients")
