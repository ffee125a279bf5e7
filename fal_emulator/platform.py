"""The platform API under /v1: models, prices, bills, past requests."""

import re
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from fal_emulator import gate
from fal_emulator.asking import PlatformFault, endpoint_named, listed, paged, span
from fal_emulator.endpoints import ENDPOINTS, Endpoint, charge
from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.past import PastRequests
from fal_emulator.requests import Request, iso
from fal_emulator.world import World

UNIT = "seconds"
BALANCE = Decimal(100)  # US dollars on the account before anything is charged
PAYLOADS = re.compile(r"^/v1/models/requests/(?P<id>[^/]+)/payloads$")
OPEN = ("/v1/meta", "/v1/models")  # need no key


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
            ("GET", "/v1/models/requests/by-endpoint"): PastRequests(world).by_endpoint,
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
