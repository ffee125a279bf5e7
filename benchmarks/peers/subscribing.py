"""A job per clip that waits for it, as fal's own client suggests: `subscribe` blocks until it is there."""

import os
from typing import Any

import fal_client
from fal_client import client as internals

# The client has fal's address built in.
internals.QUEUE_URL_FORMAT = f"{os.environ['FAL_QUEUE_URL']}/"


def generate(endpoint: str, arguments: dict[str, Any]) -> None:
    """What the worker does with one clip."""
    fal_client.SyncClient(key="offline:benchmark").subscribe(endpoint, arguments)
