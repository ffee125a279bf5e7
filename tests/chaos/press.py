"""Orders sent as browsers send them, again and again until somebody answers."""

import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.agenda import Agenda
from tests.chaos.people import Answer, Browser, NoAnswer, Person
from tests.chaos.schedule import Order

HANDS = 4
# Who gets no answer presses again after this long: with the same form, so with the same key.
AGAIN = 0.4
Find = Callable[[str], str | None]


@dataclass
class Placed:
    """What became of an order, by the pages."""

    order: Order
    state: str = ""  # placed or refused; empty while nobody answered
    presses: int = 0
    cancelled: str = ""  # HTTP status of the cancel


@dataclass
class Tally:
    """What the pages answered."""

    statuses: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Press:
    """A few hands that work an agenda: orders at a steady rate, repeats and cancels as they come."""

    def __init__(self, port: int, people: list[Person], rate: float, find: Find) -> None:
        self.port, self.people, self.rate, self.find = port, people, rate, find
        self.agenda = Agenda()
        self.placed: dict[int, Placed] = {}
        self.tally = Tally()
        self.local = threading.local()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(HANDS)]

    @property
    def answered(self) -> int:
        """Orders that got their answer."""
        return sum(bool(each.state) for each in list(self.placed.values()))

    def start(self, orders: tuple[Order, ...]) -> None:
        for order in orders:
            placed = self.placed[order.number] = Placed(order)
            for _ in range(order.presses):
                self.agenda.put(order.number / self.rate, lambda placed=placed: self._press(placed))  # type: ignore[misc]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.agenda.close()
        for thread in self.threads:
            thread.join(60)

    def _work(self) -> None:
        self.local.browser = Browser(self.port)
        while task := self.agenda.take():
            try:
                task()
            except Exception:  # noqa: BLE001 - a fault of the bench: it must be seen, and end the run as failed
                self.tally.errors.append(traceback.format_exc())

    def _press(self, placed: Placed) -> None:
        order, person = placed.order, self.people[placed.order.person]
        placed.presses += 1
        try:
            values = self.local.browser.form(person, order.endpoint)
            filled = {**values, "prompt": [order.prompt], "form_key": [order.form_key]}
            answer = self.local.browser.post(person, "/create/", filled)
        except NoAnswer as error:
            self.tally.statuses[str(error)] += 1
            self.agenda.put(AGAIN, lambda: self._press(placed))
            return
        self._hear(placed, answer)

    def _hear(self, placed: Placed, answer: Answer) -> None:
        self.tally.statuses[f"create {answer.status}"] += 1
        if answer.status == 302:
            first, placed.state = not placed.state, "placed"
            if first and placed.order.cancel_after is not None:
                self.agenda.put(placed.order.cancel_after, lambda: self._cancel(placed))
        elif answer.status == 409 and "are available" in answer.text:
            placed.state = placed.state or "refused"
        elif answer.status >= 500 or answer.status == 409:
            self.agenda.put(AGAIN, lambda: self._press(placed))
        else:
            self.tally.errors.append(f"create answered {answer.status}: {answer.text[:2000]}")
            placed.state = placed.state or "broken"

    def _cancel(self, placed: Placed) -> None:
        answer = self._cancelled(placed)
        if answer is None or answer.status >= 500:
            self.agenda.put(AGAIN, lambda: self._cancel(placed))
            return
        self.tally.statuses[f"cancel {answer.status}"] += 1
        placed.cancelled = str(answer.status)

    def _cancelled(self, placed: Placed) -> Answer | None:
        """The answer to the cancel button, or None."""
        key = self.find(placed.order.form_key)
        if key is None:  # the database is away
            return None
        person = self.people[placed.order.person]
        token = {"csrfmiddlewaretoken": person.forms[placed.order.endpoint]["csrfmiddlewaretoken"]}
        try:
            browser: Browser = self.local.browser
            return browser.post(person, f"/generations/{key}/cancel/", token)
        except NoAnswer:
            return None
