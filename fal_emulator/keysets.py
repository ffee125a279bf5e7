"""The key set as it is served: as it should be, or in one of the ways in which it may go wrong."""

import secrets
from collections.abc import Callable, Mapping

from fal_emulator.exchange import Answer, Call, Json, json_answer
from fal_emulator.signing import Signer, entry
from fal_emulator.spoils import Pace, Scene, known, spoiled

CROWD = 999  # keys of others in front of ours


def wrong_kty(keys: Json) -> Json:
    """Our own bytes, said to be of another kind."""
    return {"keys": [{**key, "kty": "EC", "crv": "P-256", "alg": "ES256"} for key in keys["keys"]]}


def thousand(keys: Json) -> Json:
    return {"keys": [*(entry(secrets.token_bytes(32)) for _ in range(CROWD)), *keys["keys"]]}


def malformed(keys: Json) -> Json:
    """JSON, but no entry is what it should be."""
    good = keys["keys"][0]
    return {"keys": [None, 7, "key", {}, {**good, "x": 7}, {**good, "x": "!"}, {**good, "x": good["x"][:-4]}]}


MANNERS: Mapping[str, Callable[[Json], Json]] = {
    "good": lambda keys: keys,
    "wrong_kty": wrong_kty,
    "thousand": thousand,
    "malformed": malformed,
}


class KeySet:
    """`manner` is one of MANNERS or any kind of fault: 503 for a dead one, stall for one that hangs."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.manner = "good"

    def serve(self, manner: str) -> None:
        """Raises ValueError when there is no such manner."""
        if manner not in MANNERS and not known(manner):
            raise ValueError(f"a key set is served as {', '.join(MANNERS)} or as a kind of fault")
        self.manner = manner

    def answer(self, call: Call, pace: Pace) -> Answer:
        manner = self.manner
        if change := MANNERS.get(manner):
            return json_answer(200, change(self._signer.key_set()))
        scene = Scene("keys", call, pace)
        return spoiled(manner, scene, lambda: json_answer(200, self._signer.key_set()))
