"""The types of events that other programs may be told of; forms, pages and docs read this table."""

TEST = "webhook.test"

TYPES: dict[str, str] = {
    "generation.succeeded": "A clip is finished, stored and charged.",
    "generation.failed": "A clip ended without a video. Nothing was charged.",
    "generation.cancelled": "A clip was cancelled or denied. Nothing was charged.",
    "generation.awaiting_approval": "A shot is over a budget and waits for somebody to decide.",
}
