"""The judge's witness: what fal itself wrote down, read from the emulator's control surface."""

from typing import Any

import httpx

from tests.chaos.facts import Submission

RETRIES = 10  # webhooks: fal gives up after so many further attempts


class Fal:
    """fal's own view, and its levers."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=f"{address}/_emulator", timeout=30, trust_env=False)

    def look(self, name: str) -> Any:
        """One view of the control surface."""
        return self.client.get(f"/{name}").raise_for_status().json()

    def pull(self, name: str, wish: dict[str, Any]) -> None:
        """One lever."""
        self.client.post(f"/{name}", json=wish).raise_for_status()

    def behaves(self) -> bool:
        """No fault any more; False when it could not be told."""
        try:
            self.pull("faults", {})
        except httpx.HTTPError:
            return False
        return True

    def submissions(self) -> list[Submission]:
        """Every request that was accepted, oldest first."""
        return [submission(row) for row in self.look("oracle")]

    def owes(self) -> bool:
        """Whether a run has not ended, or a webhook may still come."""
        return any(not one.completed or one.owed for one in self.submissions())

    def played(self) -> dict[str, dict[str, int]]:
        """Faults by place and kind, as often as they struck."""
        played: dict[str, dict[str, int]] = self.look("faults")["played"]
        return played


def submission(row: Any) -> Submission:
    completed = row["state"] == "COMPLETED"
    lost = "lost webhook" in row["fates"] or row["attempts"] > RETRIES
    return Submission(
        request_id=row["request_id"],
        prompt=str(row["prompt"]),
        token=row["token"] or "",
        completed=completed,
        good=completed and row["status_code"] == 200,
        heard=bool(row["delivered"]),
        owed=completed and not row["delivered"] and not lost,
        clip=row["clip_sha256"] or "",
    )
