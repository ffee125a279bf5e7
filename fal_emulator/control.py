"""The emulator's own surface under /_emulator/: looking inside, and causing trouble. Not fal's."""

from collections.abc import Callable, Mapping

from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.fates import FATES
from fal_emulator.looking import oracle_row, summary
from fal_emulator.requests import Request
from fal_emulator.runs import Runs
from fal_emulator.spoils import known
from fal_emulator.webhooks import Again, Webhooks
from fal_emulator.world import World

PREFIX = "/_emulator/"
REFUSED = "refused"
Wish = dict[str, Json]


class Control:
    """Needs no key: whoever reaches the port may look and pull levers."""

    def __init__(self, world: World, runs: Runs, webhooks: Webhooks) -> None:
        self.world, self.runs, self.webhooks = world, runs, webhooks
        self._views: Mapping[str, Callable[[], Json]] = {
            "journal": world.book.lines,
            "requests": self.requests,
            "oracle": self.oracle,
            "deliveries": lambda: list(world.book.deliveries),
            "submits": lambda: list(world.submits),
            "fates": lambda: [{"word": fate.word, "story": fate.story} for fate in FATES],
            "faults": world.faults.report,
            "account": lambda: {"locked": world.locked, "user_id": world.signs_as},
            "outage": lambda: {"down": world.outage is not None, "as": world.outage},
            "webhooks": lambda: {"dropped": world.webhooks_dropped},
            "keys": lambda: {"serve": world.key_set.manner, **world.signer.key_set()},
        }
        self._levers: Mapping[str, Callable[..., None]] = {
            "account": self.account,
            "outage": self.outage,
            "webhooks": self.drop_webhooks,
            "keys": self.keys,
        }
        self._of_a_request: Mapping[str, Callable[..., Json]] = {
            "finish": self.finish,
            "deliver": self.deliver,
        }

    def answer(self, call: Call) -> Answer:
        name = call.path.removeprefix(PREFIX).strip("/")
        if call.method == "GET":
            return self._look(name)
        if call.method != "POST":
            return json_answer(405, {"detail": "Method Not Allowed"})
        try:
            return self._pull(name, call.json() if call.body else {})
        except (ValueError, TypeError) as error:
            return json_answer(422, {"detail": str(error)})

    def requests(self) -> list[Json]:
        return [summary(request) for request in self.world.book.all()]

    def oracle(self) -> list[Json]:
        return [oracle_row(request) for request in self.world.book.all()]

    def account(self, *, locked: bool | None = None, user_id: str | None = None) -> None:
        """Refuse submits for lack of credit; name another account in webhooks."""
        if locked is None and user_id is None:
            raise ValueError("account wants locked or user_id")
        if locked is not None:
            self.world.locked = bool(locked)
        if user_id is not None:
            self.world.signs_as = str(user_id)

    def outage(self, *, down: bool, **how: str) -> None:
        """Every call of fal's meets this kind of fault and has no effect; `refused`: nobody listens."""
        kind = how.pop("as", "503")
        if how or not (known(kind) or kind == REFUSED):
            raise ValueError("outage wants down, and a kind of fault or refused as `as`")
        self.world.outage = kind if down else None
        self.world.listen(not down or kind != REFUSED)

    def drop_webhooks(self, *, dropped: bool) -> None:
        """Lose every webhook that comes due from now on, for good."""
        self.world.webhooks_dropped = bool(dropped)

    def keys(
        self,
        *,
        rotate: bool = False,
        old_for: float | None = None,
        retire: bool = False,
        serve: str | None = None,
    ) -> None:
        """Sign with a new key, retire the old one after `old_for` emulated seconds, serve the set so."""
        if rotate:
            self.world.signer.rotate()
        if old_for:
            self.world.timeline.after(float(old_for), self.world.signer.retire)
        if retire or old_for == 0:
            self.world.signer.retire()
        if serve is not None:
            self.world.key_set.serve(serve)

    def finish(self, request: Request) -> Json:
        """End a run at once, even one that would never end."""
        self.runs.finish(request)
        return summary(request)

    def deliver(self, request: Request, **wish: Json) -> Json:
        """Send its webhook once more, as `webhooks.Again` says; `as` is what it shall claim."""
        if "as" in wish:
            wish["status"] = wish.pop("as")
        return {"status_codes": self.webhooks.again(request, Again(**wish))}

    def _look(self, name: str) -> Answer:
        view = self._views.get(name)
        if view is None:
            return json_answer(404, {"detail": "Not Found", "views": sorted(self._views)})
        return json_answer(200, view())

    def _pull(self, name: str, wish: Wish) -> Answer:
        """Raises ValueError or TypeError when a lever cannot be pulled like this."""
        if name == "faults":
            self.world.faults.follow(wish)
        elif lever := self._levers.get(name):
            lever(**wish)
        else:
            return self._pull_one(name.split("/"), wish)
        return self._look(name)

    def _pull_one(self, parts: list[str], wish: Wish) -> Answer:
        """POST requests/<id>/<lever>."""
        known_lever = len(parts) == 3 and parts[0] == "requests" and self._of_a_request.get(parts[2])
        request = self.world.book.find(parts[1]) if known_lever else None
        if not known_lever or request is None:
            return json_answer(404, {"detail": "Not Found"})
        return json_answer(200, known_lever(request, **wish))
