"""What and how: generations, their attempts at fal, deliveries and files."""

from generations.models.attempt import Attempt, Delivery
from generations.models.generation import MOVES, OPEN, TERMINAL, Generation, State, StateChange
from generations.models.media import Clip, Upload
from generations.models.operation import EndpointSwitch, Heartbeat, Notice

__all__ = [
    "MOVES",
    "OPEN",
    "TERMINAL",
    "Attempt",
    "Clip",
    "Delivery",
    "EndpointSwitch",
    "Generation",
    "Heartbeat",
    "Notice",
    "State",
    "StateChange",
    "Upload",
]
