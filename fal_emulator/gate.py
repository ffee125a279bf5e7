"""Who may call: keys, and the two ways in which fal turns everybody away."""

from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.spoils import LOCKED
from fal_emulator.world import World


def has_key(call: Call) -> bool:
    """Any key will do, but none that calls itself invalid."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "key" and bool(key.strip()) and "invalid" not in key.lower()


def refusal(call: Call) -> Answer | None:
    """The queue's and the storage's answer to a call without a good key."""
    if has_key(call):
        return None
    body: Json = {"detail": "Authentication is required to access this application."}
    if call.headers.get("authorization"):
        body = {"detail": "Invalid API key."}
    return json_answer(401, body)


def lock(world: World) -> Answer | None:
    """The answer to a submit on an account without credit; it gets no request id."""
    return json_answer(403, {"detail": LOCKED}) if world.locked else None
