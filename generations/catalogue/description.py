"""The words a catalogue entry is written in."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from generations.prices import PriceRule


class Mode(StrEnum):
    """What a person wants to do; the tabs of the create page."""

    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    REFERENCES = "references"
    EXTEND = "extend"

    @property
    def label(self) -> str:
        """The tab's words."""
        return {
            Mode.TEXT: "Text to video",
            Mode.IMAGE: "Animate an image",
            Mode.FRAMES: "First and last frame",
            Mode.REFERENCES: "References",
            Mode.EXTEND: "Extend a clip",
        }[self]


class Quality(StrEnum):
    """The families on sale, cheapest first."""

    LITE = "lite"
    FAST = "fast"
    STANDARD = "standard"
    KLING = "kling"

    @property
    def label(self) -> str:
        """The family's name."""
        return {
            Quality.LITE: "Veo 3.1 Lite",
            Quality.FAST: "Veo 3.1 Fast",
            Quality.STANDARD: "Veo 3.1",
            Quality.KLING: "Kling 2.5 Turbo",
        }[self]


class Kind(StrEnum):
    """How a field is filled in."""

    TEXT = "text"
    CHOICE = "choice"
    SWITCH = "switch"
    INTEGER = "integer"
    NUMBER = "number"
    IMAGE = "image"
    IMAGES = "images"
    VIDEO = "video"

    @property
    def is_media(self) -> bool:
        """Whether its value is an upload."""
        return self in (Kind.IMAGE, Kind.IMAGES, Kind.VIDEO)


@dataclass(frozen=True)
class Field:
    """One input of an endpoint, under fal's own parameter name.

    `choices` are offered; `older_choices` appear only on older fal pages and are offered when an
    administrator switches them on for the endpoint. `minimum` and `maximum` bound numbers, or the
    count of an IMAGES field. `default=None` means fal has none, so nothing is sent when it is empty.
    `min_height` is fal's advice for pictures: smaller ones are taken, with a warning.
    """

    name: str
    kind: Kind
    label: str
    help: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    older_choices: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    max_length: int | None = None
    min_height: int | None = None
    advanced: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.choices) == 1 and not self.older_choices

    def but(self, **changes: Any) -> "Field":
        """The same field with something different."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Endpoint:
    """A fal model endpoint on sale. `id` is both fal's id and the path of a submit."""

    id: str
    title: str
    mode: Mode
    quality: Quality
    summary: str
    fields: tuple[Field, ...]
    price: PriceRule
    notes: tuple[str, ...] = ()

    @property
    def request_path(self) -> str:
        """Status, result and cancel live under owner and alias only, never under the sub-path."""
        return "/".join(self.id.split("/")[:2]) + "/requests"

    def field(self, name: str) -> Field | None:
        """The field with fal's parameter name, if this endpoint has it."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def media_fields(self) -> tuple[Field, ...]:
        """The inputs that are files."""
        return tuple(field for field in self.fields if field.kind.is_media)
