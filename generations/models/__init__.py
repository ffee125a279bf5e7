"""What and how: generations, their attempts at fal, deliveries and files."""

from generations.models.attempt import Attempt, Delivery
from generations.models.breaker import Breaker
from generations.models.generation import MOVES, OPEN, TERMINAL, WITH_FAL, Generation, State, StateChange
from generations.models.media import Clip, Upload
from generations.models.operation import EndpointSwitch, Heartbeat, Leadership, Notice

__all__ = [
    "MOVES",
    "OPEN",
    "TERMINAL",
    "WITH_FAL",
    "Attempt",
    "Breaker",
    "Clip",
    "Delivery",
    "EndpointSwitch",
    "Generation",
    "Heartbeat",
    "Leadership",
    "Notice",
    "State",
    "StateChange",
    "Upload",
]
