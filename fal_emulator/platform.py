"""The platform API under /v1: models, prices, bills, past requests."""

import base64
import binascii
import re
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import unquote

from fal_emulator import gate
from fal_emulator.endpoints import ENDPOINTS, Endpoint, charge
from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.requests import Request, iso
from fal_emulator.results import result_of
from fal_emulator.world import World

UNIT = "seconds"
BALANCE = Decimal(100)  # US dollars on the account before anything is charged
PAYLOADS = re.compile(r"^/v1/models/requests/(?P<id>[^/]+)/payloads$")
OPEN = ("/v1/meta", "/v1/models")  # need no key


class PlatformFault(Exception):
    """An error answer of the platform API."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.answer = json_answer(status, {"error": {"type": kind, "message": message}})


class Platform:
    def __init__(self, world: World) -> None:
        self.world = world
        self._views = {
            ("GET", "/v1/meta"): self.meta,
            ("GET", "/v1/models"): self.models,
            ("GET", "/v1/models/pricing"): self.pricing,
            ("POST", "/v1/models/pricing/estimate"): self.estimate,
            ("GET", "/v1/models/usage"): self.usage,
            ("GET", "/v1/models/billing-events"): self.billing_events,
            ("GET", "/v1/models/requests/by-endpoint"): self.by_endpoint,
            ("GET", "/v1/account/billing"): self.account,
        }

    def answer(self, call: Call) -> Answer:
        try:
            return self._answer(call)
        except PlatformFault as fault:
            return fault.answer

    def _answer(self, call: Call) -> Answer:
        path = call.path.rstrip("/")
        if path not in OPEN and not gate.has_key(call):
            raise PlatformFault(401, "authorization_error", "A valid API key is required.")
        if (match := PAYLOADS.match(path)) and call.method == "DELETE":
            return self.delete_payloads(match["id"])
        view = self._views.get((call.method, path))
        if view is None:
            raise PlatformFault(404, "not_found", "No such address.")
        return json_answer(200, view(call))

    def meta(self, call: Call) -> Json:
        return {"webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]}

    def models(self, call: Call) -> Json:
        wanted, words = listed(call, "endpoint_id"), (call.asked("q") or "").lower()
        category = call.asked("category")
        found = [
            model_entry(endpoint)
            for endpoint in ENDPOINTS.values()
            if (not wanted or endpoint.id in wanted)
            and words in f"{endpoint.id} {endpoint.title}".lower()
            and category in (None, endpoint.category)
            and call.asked("status") in (None, "active")
        ]
        return paged(call, "models", found, 50)

    def pricing(self, call: Call) -> Json:
        wanted = listed(call, "endpoint_id")
        if not 1 <= len(wanted) <= 50:
            raise PlatformFault(400, "validation_error", "Ask for 1 to 50 endpoint ids.")
        prices = [
            {
                "endpoint_id": name,
                "unit_price": float(endpoint_named(name).price.base),
                "unit": UNIT,
                "currency": "USD",
            }
            for name in wanted
        ]
        return {"prices": prices, "next_cursor": None, "has_more": False}

    def estimate(self, call: Call) -> Json:
        try:
            wish = call.json()
            kind, wanted = wish["estimate_type"], wish["endpoints"].items()
            count = {
                "historical_api_price": "call_quantity",
                "unit_price": "unit_quantity",
            }[kind]
            amounts = {name: Decimal(str(entry[count])) for name, entry in wanted}
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            raise PlatformFault(400, "validation_error", "Malformed estimate.") from None
        # A past call is taken to have been eight seconds long.
        seconds = 8 if kind == "historical_api_price" else 1
        total = sum(
            (endpoint_named(name).price.base * seconds * n for name, n in amounts.items()),
            Decimal(),
        )
        return {"estimate_type": kind, "total_cost": float(total), "currency": "USD"}

    def charged(self, call: Call) -> list[Request]:
        """Requests that cost something, oldest first, as the call's filters ask."""
        names, ids = listed(call, "endpoint_id"), listed(call, "request_id")
        start, end = span(call)
        return [
            request
            for request in self.world.book.all()
            if request.outcome
            and request.outcome.good
            and (not names or request.endpoint.id in names)
            and (not ids or request.id in ids)
            and start <= (request.ended_at or 0) < end
        ]

    def billing_events(self, call: Call) -> Json:
        events = [billing_event(request) for request in self.charged(call)]
        return paged(call, "billing_events", events, 10_000)

    def usage(self, call: Call) -> Json:
        totals: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
        for request in self.charged(call):
            seconds, rate = charge(request.endpoint, request.values)
            totals[request.endpoint.id, rate] += Decimal(str(seconds))
        lines = [usage_line(name, rate, sold) for (name, rate), sold in totals.items()]
        body: Json = {"next_cursor": None, "has_more": False}
        wanted = listed(call, "expand") or ["time_series"]
        if "time_series" in wanted:
            today = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
            body["time_series"] = [{"bucket": today, "results": lines}] if lines else []
        if "summary" in wanted:
            body["summary"] = lines
        return body

    def account(self, call: Call) -> Json:
        body: Json = {"username": self.world.settings.user_id}
        if "credits" in listed(call, "expand"):
            spent = sum((cost_of(r) for r in self.world.book.all() if is_charged(r)), Decimal())
            left = Decimal() if self.world.locked else BALANCE - spent
            body["credits"] = {"current_balance": float(left), "currency": "USD"}
        return body

    def by_endpoint(self, call: Call) -> Json:
        names, ids = listed(call, "endpoint_id"), listed(call, "request_id")
        if not names:
            raise PlatformFault(400, "validation_error", "endpoint_id is required.")
        for name in names:
            endpoint_named(name)
        wanted = listed(call, "status")
        start, end = span(call)
        items = [
            self.past(request, call)
            for request in reversed(self.world.book.all())
            if request.endpoint.id in names
            and (not ids or request.id in ids)
            and (not wanted or verdict(request) in wanted)
            and (bool(ids) or start <= request.accepted_at < end)
        ]
        return paged(call, "items", items, 100)

    def past(self, request: Request, call: Call) -> Json:
        started = request.started_at or request.accepted_at
        item: Json = {
            "request_id": request.id,
            "endpoint_id": request.endpoint.id,
            "sent_at": iso(request.accepted_at),
            "started_at": iso(started),
            "ended_at": iso(request.ended_at) if request.ended_at else None,
            "status_code": request.outcome.status if request.outcome else None,
            "duration": round(request.ended_at - started, 3) if request.ended_at else None,
        }
        if "payloads" in listed(call, "expand") and request.stored:
            item["json_input"] = request.given
            if request.outcome:
                item["json_output"] = result_of(request, call.base, self.world.files)
        return item

    def delete_payloads(self, request_id: str) -> Answer:
        request = self.world.book.find(request_id)
        if request is None:
            raise PlatformFault(404, "not_found", "No such request.")
        self.world.book.note_deletion(request)
        results = []
        if request.clip:
            self.world.files.remove(request.clip)
            results.append({"link": request.base + request.clip.address, "exception": None})
        return json_answer(200, {"cdn_delete_results": results})


def listed(call: Call, name: str) -> list[str]:
    """A list parameter, whether repeated or separated by commas."""
    return [part for value in call.query.get(name, []) for part in unquote(value).split(",") if part]


def endpoint_named(name: str) -> Endpoint:
    if name not in ENDPOINTS:
        raise PlatformFault(404, "not_found", f"Endpoint '{name}' not found.")
    return ENDPOINTS[name]


def span(call: Call) -> tuple[float, float]:
    """The call's `start` (a day ago by default) and `end` (now), as Unix time."""
    try:
        start, end = (moment_of(call.asked(name)) for name in ("start", "end"))
    except ValueError:
        raise PlatformFault(400, "validation_error", "Dates are ISO 8601.") from None
    now = datetime.now(UTC).timestamp()
    return (now - 86_400 if start is None else start), (now + 1 if end is None else end)


def moment_of(text: str | None) -> float | None:
    if not text:
        return None
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def paged(call: Call, name: str, entries: list[Json], most: int) -> Json:
    """One page of a list; the cursor is the encoded place at which the next one begins."""
    try:
        limit = min(most, max(1, int(call.asked("limit") or min(most, 50))))
        start = int(base64.b64decode(call.asked("cursor") or "MA==", validate=True))
    except (ValueError, binascii.Error):
        raise PlatformFault(400, "validation_error", "Malformed limit or cursor.") from None
    more = start + limit < len(entries)
    following = base64.b64encode(str(start + limit).encode()).decode() if more else None
    return {
        name: entries[start : start + limit],
        "next_cursor": following,
        "has_more": more,
    }


def model_entry(endpoint: Endpoint) -> Json:
    return {
        "endpoint_id": endpoint.id,
        "metadata": {
            "display_name": endpoint.title,
            "category": endpoint.category,
            "description": f"{endpoint.title}, {endpoint.category}, as played by the emulator.",
            "status": "active",
            "tags": [],
            "updated_at": "2026-11-20T00:00:00Z",
            "is_favorited": None,
            "thumbnail_url": "",
            "model_url": f"https://fal.run/{endpoint.id}",
            "date": "2026-11-20T00:00:00Z",
            "highlighted": False,
            "kind": "inference",
            "pinned": False,
        },
    }


def is_charged(request: Request) -> bool:
    return request.outcome is not None and request.outcome.good


def cost_of(request: Request) -> Decimal:
    seconds, rate = charge(request.endpoint, request.values)
    return Decimal(str(seconds)) * rate


def billing_event(request: Request) -> Json:
    seconds, rate = charge(request.endpoint, request.values)
    cost = cost_of(request)
    return {
        "request_id": request.id,
        "endpoint_id": request.endpoint.id,
        "timestamp": iso(request.ended_at or 0),
        "output_units": seconds,
        "unit_price": float(rate),
        "percent_discount": None,
        "cost_subtotal": float(cost),
        "cost_discount": 0.0,
        "cost_total": float(cost),
        "cost_estimate_nano_usd": int(cost * 10**9),
    }


def usage_line(name: str, rate: Decimal, sold: Decimal) -> Json:
    cost = float(rate * sold)
    return {
        "endpoint_id": name,
        "unit": UNIT,
        "quantity": float(sold),
        "unit_price": float(rate),
        "percent_discount": None,
        "cost_subtotal": cost,
        "cost_discount": 0.0,
        "cost_total": cost,
        "cost": cost,
        "currency": "USD",
    }


def verdict(request: Request) -> str:
    """fal's three classes of ended requests; an open one has none."""
    if request.outcome is None:
        return "open"
    status = request.outcome.status
    return "success" if status == 200 else "error" if status >= 500 else "user_error"
