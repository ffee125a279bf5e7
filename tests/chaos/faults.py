"""How badly fal behaves in a run: the plan that is handed to the emulator.

A fifth of all calls goes wrong. What a kind does is in `fal_emulator/spoils.py`; here is only how often.
"""

from typing import Any

from tests.chaos.wishes import Wishes

# Real seconds, and short: a worker that is kept waiting is one of two.
PACE = {"stall_seconds": 1.0, "drip_seconds": 0.003}

# Before fal took it or after, by every way of not saying so; and its honest refusals.
SUBMIT = {
    **dict.fromkeys(("429", "rst_before", "rst", "502_after"), 0.02),
    **dict.fromkeys(("429_bare", "500", "503", "504_after", "drop", "rst_headers", "rst_body", "drip"), 0.01),
    **dict.fromkeys(("stall", "stall_before", "html", "broken", "empty", "missing", "foreign"), 0.005),
    **dict.fromkeys(("wrong_types", "huge", "401", "403", "422"), 0.004),
}
STATUS = {
    **dict.fromkeys(("500", "502", "503", "429", "rst"), 0.03),
    **dict.fromkeys(("html", "broken", "404", "wrong_types"), 0.01),
    **dict.fromkeys(("drip", "stall"), 0.005),
}
RESULT = {
    **dict.fromkeys(("500", "502", "503", "429", "rst", "rst_body"), 0.025),
    **dict.fromkeys(("404", "null", "nothing", "missing", "html", "drip", "foreign"), 0.008),
}
CANCEL = dict.fromkeys(("500", "503", "429", "rst"), 0.05)
UPLOAD = dict.fromkeys(("500", "503", "429", "rst", "html"), 0.04)
LIST = dict.fromkeys(("500", "503", "429", "rst", "empty", "missing", "html", "broken"), 0.025)
KEYS = dict.fromkeys(("503", "html", "missing", "rst"), 0.05)
DOWNLOAD = {
    **dict.fromkeys(("truncated", "rst_body", "500", "503"), 0.03),
    **dict.fromkeys(("404", "403", "short", "corrupt", "redirect", "html", "rst"), 0.01),
    "slow": 0.005,
}
WEBHOOK = {"lost": 0.15, "twice": 0.15, "early": 0.05, "late": 0.05, "forged": 0.05}
WEBHOOK |= {"null": 0.03, "contradict": 0.03}
# Not fal's faults but fal's answers: such clips end unpaid, and a cancel may come too late.
FATES = {"policy": 0.02, "fail": 0.01, "invalid": 0.01, "slow": 0.05, "gone once": 0.02, "uncancellable": 0.3}


def plan_of(wishes: Wishes) -> dict[str, Any]:
    """The emulator's fault plan; empty when fal is to behave."""
    plan: dict[str, Any] = {}
    if wishes.faults:
        plan = {"seed": wishes.seed, **PACE, "submit": SUBMIT, "status": STATUS, "result": RESULT}
        plan |= {"cancel": CANCEL, "upload": UPLOAD, "list": LIST, "keys": KEYS, "download": DOWNLOAD}
        plan |= {"webhook": WEBHOOK, "fates": FATES}
    if wishes.lose_webhooks:
        plan |= {"webhook": {**plan.get("webhook", {}), "lost": 1.0}}
    return plan
