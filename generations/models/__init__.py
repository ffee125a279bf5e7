"""What and how: generations, their attempts at fal, deliveries and files."""

from generations.models.attempt import Attempt, Delivery
from generations.models.breaker import Breaker
from generations.models.collection import Collection, CollectionItem
from generations.models.generation import Generation, StateChange
from generations.models.media import Clip, Upload
from generations.models.operation import EndpointSwitch, Heartbeat, Leadership, Notice
from generations.models.state import FIRST, MOVES, OPEN, TERMINAL, WITH_FAL, State, Visibility

__all__ = [
    "FIRST",
    "MOVES",
    "OPEN",
    "TERMINAL",
    "WITH_FAL",
    "Attempt",
    "Breaker",
    "Clip",
    "Collection",
    "CollectionItem",
    "Delivery",
    "EndpointSwitch",
    "Generation",
    "Heartbeat",
    "Leadership",
    "Notice",
    "State",
    "StateChange",
    "Upload",
    "Visibility",
]
