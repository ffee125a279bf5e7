"""What the API says: the shapes of its answers, and how rows become them."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from django.conf import settings
from ninja import Schema
from pydantic import ConfigDict, Field

from accounts.models import LedgerEntry, Wallet
from generations.catalogue import Endpoint
from generations.models import EndpointSwitch, Generation, State, Upload
from generations.prices import BasePlusSeconds, Quote, shown
from generations.schema import input_schema
from generations.telling import as_data

Item = TypeVar("Item")


class Page(Schema, Generic[Item]):
    """A piece of a list."""

    data: list[Item]
    next: str | None = Field(description="Give it as `after` to read on; null at the end.")


class Wish(Schema):
    """A generation that is wanted, or asked the price of."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(description="One of `GET /endpoints`.")
    input: dict[str, Any] = Field(description="fal's own parameter names; files are upload ids.")


class SourceClip(Schema):
    """A finished clip of the workspace that is to be an upload."""

    model_config = ConfigDict(extra="forbid")

    generation: UUID


class FailureOut(Schema):
    """Why a generation ended without a video."""

    reason: str = Field(description="A word for programs.")
    message: str = Field(description="What happened, and what to do now.")
    field: str | None = Field(description="The parameter it is about, if it is about one.")
    detail: str | None = Field(description="What the model said, if it said something.")


class GenerationOut(Schema):
    """One clip: what was asked for, where it is, what it costs."""

    id: UUID
    endpoint: str
    input: dict[str, Any]
    state: State
    cost: int = Field(description="Credits it costs when it succeeds.")
    held: int = Field(description="Credits set aside for it now.")
    charged: int = Field(description="Credits taken for it.")
    video_url: str | None = Field(description="Needs the token; null until it has succeeded.")
    error: FailureOut | None
    created_at: datetime
    finished_at: datetime | None


class LineOut(Schema):
    """One line of a quote."""

    label: str
    seconds: int
    credits: str = Field(description="Before rounding, as a decimal.")


class QuoteOut(Schema):
    """What a generation costs now."""

    endpoint: str
    cost: int
    lines: list[LineOut]


class RateOut(Schema):
    """Credits a second for one quality of output."""

    resolution: str
    audio: bool
    credits: str


class PriceOut(Schema):
    """How an endpoint is priced: by the second, or a base and further seconds."""

    unit: Literal["second", "base_plus_seconds"]
    rates: list[RateOut] = []
    base_seconds: int | None = None
    base_credits: str | None = None
    further_credits_per_second: str | None = None


class EndpointOut(Schema):
    """A model endpoint in a list."""

    id: str
    title: str
    mode: str
    quality: str
    summary: str
    on_sale: bool


class EndpointDetailOut(EndpointOut):
    """A model endpoint with everything it takes."""

    input: dict[str, Any] = Field(description="JSON Schema (2020-12) of `input`.")
    price: PriceOut


class UploadOut(Schema):
    """A file of the workspace that may be an input."""

    id: UUID
    kind: Literal["image", "video"]
    name: str
    content_type: str
    size: int
    width: int
    height: int
    seconds: float | None


class CreditsOut(Schema):
    """The workspace's credits."""

    available: int
    held: int
    posted: int = Field(description="The balance by the statement; what is held is still in it.")


class EntryOut(Schema):
    """A line of the statement; never changed, corrected by a further one."""

    seq: int
    at: datetime
    kind: Literal["grant", "capture", "refund", "adjust"]
    amount: int
    balance_after: int
    generation: UUID | None
    reason: str


class ProblemOut(Schema):
    """Something was wrong; `type` leads to what."""

    type: str
    title: str
    status: int
    detail: str
    request: str = Field(description="Names this request in our log.")
    errors: dict[str, list[str]] | None = Field(
        default=None, description="What is wrong with which parameter."
    )


def generation(row: Generation) -> GenerationOut:
    """Needs `hold`. What other programs are told by webhooks, and with what a member wrote."""
    told = as_data(row) | {"input": row.input}
    if told["error"]:
        told["error"]["detail"] = row.reason_detail or None
    return GenerationOut.model_validate(told)


def quote(endpoint: Endpoint, quoted: Quote) -> QuoteOut:
    """One clip's."""
    lines = [LineOut.model_validate(line.as_json()) for line in quoted.lines]
    return QuoteOut(endpoint=endpoint.id, cost=quoted.total, lines=lines)


def endpoint(entry: Endpoint, switch: EndpointSwitch) -> EndpointOut:
    """For a list."""
    return EndpointOut(**_told(entry, switch))


def endpoint_detail(entry: Endpoint, switch: EndpointSwitch) -> EndpointDetailOut:
    """With its input and its price."""
    schema = input_schema(entry, older_choices=switch.older_choices)
    return EndpointDetailOut(**_told(entry, switch), input=schema, price=_price(entry))


def _told(entry: Endpoint, switch: EndpointSwitch) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title,
        "mode": entry.mode.value,
        "quality": entry.quality.value,
        "summary": entry.summary,
        "on_sale": switch.on_sale,
    }


def _price(entry: Endpoint) -> PriceOut:
    rule = entry.price
    if isinstance(rule, BasePlusSeconds):
        return PriceOut(
            unit="base_plus_seconds",
            base_seconds=rule.base_seconds,
            base_credits=_credits(rule.base_usd),
            further_credits_per_second=_credits(rule.further_usd),
        )
    rates = [
        RateOut(resolution=resolution, audio=audio, credits=_credits(usd))
        for (resolution, audio), usd in rule.rates.items()
    ]
    return PriceOut(unit="second", rates=rates)


def _credits(usd: Decimal) -> str:
    return shown(usd * 100 * Decimal(settings.CREDITS_MARKUP))


def upload(row: Upload) -> UploadOut:
    """A file as it was kept."""
    return UploadOut(
        id=row.pk,
        kind="video" if row.kind == Upload.Kind.VIDEO else "image",
        name=row.name,
        content_type=row.content_type,
        size=row.size,
        width=row.width,
        height=row.height,
        seconds=row.seconds,
    )


def wallet(row: Wallet) -> CreditsOut:
    """The balance now."""
    return CreditsOut(available=row.available, held=row.held, posted=row.posted)


def entry(row: LedgerEntry) -> EntryOut:
    """Needs `hold__generation` and `corrects__hold__generation`."""
    hold = row.hold or (row.corrects.hold if row.corrects else None)
    return EntryOut(
        seq=row.seq,
        at=row.at,
        kind=row.kind,  # type: ignore[arg-type]  # one of these by the column's choices
        amount=row.amount,
        balance_after=row.balance_after,
        generation=hold.generation.pk if hold else None,
        reason=row.reason,
    )
