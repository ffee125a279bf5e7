"""fal's deliveries about seeded generations, signed by a key whose public half the servers fetch."""

import json
from dataclasses import dataclass, replace

from benchmarks import seeding, traffic
from fal_emulator.signing import Signer

ACCOUNT = "emulator-account"
OLD = 4 * 3600  # seconds; long past what any view may believe


@dataclass(frozen=True)
class Letter:
    """One delivery."""

    token: str
    body: bytes
    headers: tuple[tuple[str, str], ...]

    def to(self, port: int, room: str) -> bytes:
        """The request that delivers it below this path."""
        return traffic.post(port, f"/{room}/{self.token}/", self.body, self.headers)

    def header(self, name: str) -> str:
        """A signature header by the last part of its name."""
        return dict(self.headers)[f"X-Fal-Webhook-{name}"]

    def with_header(self, name: str, value: str | None) -> "Letter":
        """The same with one signature header changed or left out."""
        full = f"X-Fal-Webhook-{name}"
        kept = tuple(pair for pair in self.headers if pair[0] != full)
        return replace(self, headers=kept if value is None else (*kept, (full, value)))


class Letters:
    """Each about another generation; signed when they are wanted, for old ones are not believed."""

    def __init__(self, signer: Signer) -> None:
        self.signer, self.used = signer, 0

    def fresh(self, count: int) -> list[Letter]:
        """The next so many."""
        first = self.used + 1
        self.used += count
        return [self.signed(number) for number in range(first, first + count)]

    def signed(self, number: int, account: str = ACCOUNT) -> Letter:
        """The delivery about the n-th generation."""
        request_id = seeding.request_of(number)
        body = json.dumps(
            {
                "request_id": request_id,
                "gateway_request_id": request_id,
                "status": "OK",
                "payload": {
                    "video": {
                        "url": f"https://v3.fal.media/files/benchmark/{request_id}/output.mp4",
                        "content_type": "video/mp4",
                        "file_name": "output.mp4",
                        "file_size": 4_404_019,
                    },
                    "seed": 7,
                },
            },
            separators=(",", ":"),
        ).encode()
        headers = self.signer.headers(request_id, account, body)
        return Letter(seeding.token_of(number), body, tuple(headers.items()))


def forged(letter: Letter, foreign: Letter) -> list[Letter]:
    """What somebody without fal's key, or with another account at fal, may send instead of `letter`."""
    signature, second = letter.header("Signature"), int(letter.header("Timestamp"))
    return [
        replace(letter, body=letter.body.replace(b"OK", b"KO")),
        replace(letter, body=letter.body + b" "),
        letter.with_header("Signature", ("1" if signature[0] == "0" else "0") + signature[1:]),
        letter.with_header("Signature", signature[2:]),
        letter.with_header("Signature", None),
        letter.with_header("Timestamp", str(second - OLD)),
        letter.with_header("Timestamp", str(second + 1)),
        letter.with_header("Request-Id", "another-request"),
        letter.with_header("User-Id", "another-account"),
        foreign,
    ]
