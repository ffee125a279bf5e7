"""`/metrics` for Prometheus: the figures that `docs/operating.md` says what to do about.

Read when asked, from the database and Redis, so that any web process gives the same answer. A part that
cannot be read is left out and counted in `dailies_scrape_errors`: no figure is better than a wrong one.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from generations import doorbell, tally, vitals, webhooks
from generations.media import vault
from generations.models import OPEN, Breaker

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Families = Iterable[Metric]


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """By a bearer token and nothing else: a session that leaks must not tell how the studio does."""
    wanted = settings.METRICS_TOKEN
    if not wanted:
        raise Http404
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), wanted.encode()):
        return HttpResponse("a token is needed", status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Readings())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE)


class Readings:
    """Everything there is to read, each part on its own."""

    def collect(self) -> Families:
        """As the client library asks."""
        errors = 0
        for read in PARTS:
            try:
                yield from list(read())
            except Error:
                errors += 1
        yield gauge("scrape_errors", "Parts of this answer that could not be read.", errors)


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"dailies_{name}", text, value=value)


def gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """One figure per value of a label."""
    family = GaugeMetricFamily(f"dailies_{name}", text, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def counters(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """The same for what only grows, until Redis is emptied."""
    family = CounterMetricFamily(f"dailies_{name}", text, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def queue() -> Families:
    read = vitals.queue()
    states = {str(state): read.states.get(state, 0) for state in sorted(OPEN)}
    yield gauges("generations_open", "Generations that are not over, by state.", "state", states)
    yield gauge("line_length", "Generations in our own line, to which the dispatcher gives turns.", read.line)
    yield gauge("places_out", "Requests that fal has or may have, or that are about to be sent.", read.out)
    yield gauge("due", "Open generations whose time to be looked at has come.", read.due)
    yield gauge("oldest_due_seconds", "How long the oldest has been due.", read.oldest_due.total_seconds())
    yield gauge("past_deadline", "Open generations whose deadline has passed.", read.past_deadline)
    yield gauge("deliveries_waiting", "Webhooks stored and not acted on.", read.deliveries)
    oldest = read.oldest_delivery.total_seconds()
    yield gauge("oldest_delivery_seconds", "How long the oldest of them has waited.", oldest)


def lately() -> Families:
    read = vitals.lately()
    yield gauge("ambiguous_ratio", "Submits of the last hour whose answer was lost.", read.ambiguous_rate)
    yield gauge("submits_hour", "Submits begun in the last hour.", read.sent)
    gifts = {"hour": read.gifts, "day": read.gifts_day}
    yield gauges("late_gifts", "Results delivered free after we had given up.", "over", gifts)
    family = GaugeMetricFamily("dailies_failures", "Generations that failed.", labels=["reason", "over"])
    for reason, (hour, day) in sorted(read.failures.items()):
        family.add_metric([reason, "hour"], hour)
        family.add_metric([reason, "day"], day)
    yield family


def money() -> Families:
    posted, held = vitals.drift()
    text = "Credits by which wallets differ from their last ledger entry, or from their open holds."
    yield gauges("ledger_drift_credits", text, "of", {"posted": posted, "held": held})


def door() -> Families:
    breaker = Breaker.current()
    states = {str(state): float(breaker.state == state) for state in Breaker.State}
    yield gauges("breaker", "How fal's door looks: 1 for the state it is in.", "state", states)
    shut = vitals.shut_for(breaker)
    yield gauge("breaker_open_seconds", "For how long nothing has been sent.", shut.total_seconds())
    yield gauge("places_most", "Requests that fal may have of ours now.", vitals.places(breaker))
    yield gauge("places_set", "FAL_MAX_IN_FLIGHT.", settings.FAL_MAX_IN_FLIGHT)


def processes() -> Families:
    age = vitals.heartbeat()
    text = "Since the reconciler was last alive."
    yield gauge("reconciler_heartbeat_seconds", text, age.total_seconds() if age else math.inf)
    if (free := vault.room()) is not None:
        yield gauge("storage_free_bytes", "Room where clips are kept.", free)


def outboxes() -> Families:
    read = vitals.outboxes()
    counts = {name: float(count) for name, (count, _) in read.items()}
    ages = {name: age.total_seconds() for name, (_, age) in read.items()}
    yield gauges("outbox_due", "Letters and webhooks to other programs that are due.", "of", counts)
    yield gauges("outbox_oldest_seconds", "How long the oldest of them has been due.", "of", ages)


def keys() -> Families:
    """Each web process has its own copy, and tells its own age; none before the first webhook."""
    fetched = webhooks.keys().fetched_at
    if fetched > 0:
        text = "Since fal's webhook keys were last fetched, by the process that answers."
        yield gauge("jwks_age_seconds", text, time.monotonic() - fetched)


def bells() -> Families:
    """What Redis knows; nothing while it is away, which `dailies_redis_up` says."""
    refused, errors = tally.counted(tally.REFUSED), tally.counted(tally.ERROR)
    yield gauge("redis_up", "Whether the doorbell answers.", refused is not None)
    if refused is None or errors is None:
        return
    yield counters("webhooks_refused", "Webhooks turned away, by reason.", "reason", refused)
    # Named before they happen: an alarm on something that was never there never rings.
    known = dict.fromkeys(ALARMS, 0) | errors
    yield counters("errors", "Errors in the logs of all processes, by event.", "event", known)
    jobs = {name: doorbell.backlog(name) for name in (doorbell.DRIVE, doorbell.MEDIA, doorbell.MAIL)}
    yield gauges("jobs_waiting", "Jobs in the queues of RQ.", "queue", jobs)


ALARMS = ("duplicate_submission", "another_request", "not_adopted", "step_broke", "fal_locked")
PARTS: tuple[Callable[[], Families], ...] = (queue, lately, money, door, processes, outboxes, keys, bells)
