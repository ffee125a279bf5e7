"""The judge's witness: what fal itself wrote down, read from the emulator's control surface."""

from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.chaos.facts import Submission

HEARD = range(200, 300)


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

    def submissions(self) -> list[Submission]:
        """Every request that was accepted."""
        states = {each["request_id"]: each for each in self.look("requests")}
        heard = {each["request_id"] for each in self.look("deliveries") if each["status_code"] in HEARD}
        return [submission(line, states[line["request_id"]], heard) for line in self.look("journal")]

    def busy(self) -> int:
        """Runs that have not ended."""
        return sum(each["state"] != "COMPLETED" for each in self.look("requests"))


def submission(line: Any, state: Any, heard: set[str]) -> Submission:
    completed = state["state"] == "COMPLETED"
    return Submission(
        request_id=line["request_id"],
        prompt=str(line["input"].get("prompt")),
        token=urlsplit(line["webhook"] or "").path.rstrip("/").rpartition("/")[2],
        completed=completed,
        good=completed and state["status_code"] == 200,
        heard=bool(state["delivered"]) or line["request_id"] in heard,
    )
