"""R1, R2: reserving credits and writing a generation down, over ten thousand wallets, four clients."""

from benchmarks.pairs import Turns
from benchmarks.report import Found, against
from benchmarks.reserving import EACH, HOLD, HORDAK, ONE, ORDER, ORM, THREE, Crowd
from benchmarks.stage import Stage

NAME = "reserve"
CLIENTS = 4
WALLETS = 10_000


def measure(stage: Stage, turns: Turns) -> Found:
    """All contenders in turns."""
    crowd = Crowd(stage, NAME, clients=CLIENTS, wallets=WALLETS)
    rates, facts = crowd.compete(turns, [HOLD, ONE, EACH, THREE, ORM, HORDAK, ORDER])
    lines = [
        against(rates, "R1", HOLD, ONE, floor=0.50),
        against(rates, "R2", HOLD, EACH, floor=0.70),
        against(rates, "", HOLD, THREE),
        against(rates, "", HOLD, ORM),
        against(rates, "", HOLD, HORDAK),
        against(rates, "", ORM, ONE),
        against(rates, "", HORDAK, ONE),
        against(rates, "", ORDER, ONE),
    ]
    return Found(NAME, lines, facts, [f"{CLIENTS} clients, {WALLETS:,} wallets."])
