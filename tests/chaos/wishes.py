"""What a run was asked to be: every option of the command line, as one value."""

from dataclasses import dataclass
from pathlib import Path

CREDITS = 1_000_000  # of each workspace: nobody runs out


@dataclass(frozen=True)
class Wishes:
    """Of one run. Rates and seconds are real time; only `time_scale` and `speed` shrink business time."""

    n: int = 300
    seed: int = 1
    database: str = "postgres"
    # Divides the product's waits, and the emulator's. Both are needed: a run of two minutes lasts as long
    # here, in looks at it, as it would there.
    time_scale: float = 60.0
    speed: float = 20.0
    # Seconds; leases are multiples of it, so it is what a kill costs.
    fal_timeout: float = 4.0
    quiet_seconds: float = 120.0
    users: int = 0
    teams: int = 0
    rate: float = 15.0
    kills: bool = True
    faults: bool = True
    flush_every: float = 0.0
    in_flight: int = 40
    lose_webhooks: bool = False
    outage: bool = False
    baseline: bool = False
    keep: Path | None = None
    figures: Path | None = None

    @property
    def people(self) -> int:
        """One user for every fifteen clips, and not more than two hundred."""
        return self.users or max(4, min(200, self.n // 15))

    @property
    def workspaces(self) -> int:
        """A fifth of the people: most share a wallet, which is what makes it hot."""
        return self.teams or max(2, self.people // 5)
