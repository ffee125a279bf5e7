"""Why a clip is not there yet, in facts: places in lines, fal's own position, and how long others took."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from accounts.budgets import names_of, those_who_may
from accounts.policy import Action
from generations.models import Attempt, Breaker, Generation, State, StateChange

# A median of fewer is an anecdote; of more, history.
LEAST, MOST = 3, 50


@dataclass(frozen=True)
class Standing:
    """Where a waiting clip stands: `place` of `team` in the team's own line; `overall` wait in all."""

    place: int
    team: int
    overall: int
    delayed: bool


def explain(cards: Iterable[Generation]) -> None:
    """Give each open card its `standing` (in our line) and its `typical` seconds (once it is with fal)."""
    known = [each for each in cards if each.is_open]
    _stand([each for each in known if each.state == State.QUEUED and not each.turn_at])
    _await([each for each in known if each.state == State.AWAITING])
    typical: dict[tuple[str, str], int | None] = {}
    for each in known:
        kind = each.endpoint, each.resolution
        if kind not in typical:
            typical[kind] = typical_seconds(*kind)
        each.typical = typical[kind]


def _stand(cards: list[Generation]) -> None:
    if not cards:
        return
    overall = Generation.objects.waiting().count()
    delayed = Breaker.current().is_open
    for workspace in {each.workspace_id for each in cards}:
        order = team_order(workspace)
        for each in cards:
            if each.workspace_id == workspace and each.pk in order:
                each.standing = Standing(order[each.pk], len(order), max(overall, len(order)), delayed)


def _await(cards: list[Generation]) -> None:
    """Over which limit, and whom it waits for."""
    if not cards:
        return
    first = StateChange.objects.filter(generation__in=[each.pk for each in cards], before="")
    over = dict(first.values_list("generation", "detail"))
    for each in cards:
        limits = over.get(each.pk, {}).get("over") or ["a budget"]
        each.over = limits[0]
    for workspace in {each.workspace_id for each in cards}:
        people = names_of(those_who_may(Action.APPROVE, workspace))
        for each in cards:
            if each.workspace_id == workspace:
                each.decided_by = people


def team_order(workspace: uuid.UUID) -> dict[uuid.UUID, int]:
    """The places of a workspace's waiting clips: its members take turns, each with their oldest first."""
    waiting = Generation.objects.waiting().filter(workspace=workspace).order_by("created_at", "take")
    turns: dict[int, int] = {}
    ranked = []
    for pk, author in waiting.values_list("pk", "author"):
        turns[author] = turns.get(author, 0) + 1
        ranked.append((turns[author], pk))
    ranked.sort(key=lambda each: each[0])  # stable: within a round, as they came
    return {pk: place for place, (_, pk) in enumerate(ranked, start=1)}


def typical_seconds(endpoint: str, resolution: str) -> int | None:
    """The median from sending to having, of the latest clips of this kind; None while there are too few."""
    lately = (
        Attempt.objects.filter(
            generation__endpoint=endpoint,
            generation__resolution=resolution,
            generation__state=State.SUCCEEDED,
            state=Attempt.State.ACCEPTED,
            sent_at__isnull=False,
        )
        .order_by("-generation__finished_at")
        .values_list("sent_at", "generation__finished_at")[:MOST]
    )
    took = [(ended - sent).total_seconds() for sent, ended in lately if sent and ended]
    return round(median(took)) if len(took) >= LEAST else None
