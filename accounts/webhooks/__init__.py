"""Webhooks to other programs: what happens in a workspace is told to the addresses it has set up.

`tell` writes messages into the outbox, in the transaction of what they tell of; `deliver` sends one, and is
called by a worker as often as it takes. The format is that of the Standard Webhooks specification.
"""

from accounts.webhooks.delivery import deliver
from accounts.webhooks.endpoints import add, change, delete, disable, enable, rotate
from accounts.webhooks.outbox import drop_old, replay, replay_failed, send_test, tell

__all__ = [
    "add",
    "change",
    "delete",
    "deliver",
    "disable",
    "drop_old",
    "enable",
    "replay",
    "replay_failed",
    "rotate",
    "send_test",
    "tell",
]
