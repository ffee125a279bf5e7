"""How badly fal behaves in a run: the plan that is handed to the emulator."""

from typing import Any

from tests.chaos.wishes import Wishes


def plan_of(wishes: Wishes) -> dict[str, Any]:
    """The emulator's fault plan; empty when fal is to behave."""
    return {}
