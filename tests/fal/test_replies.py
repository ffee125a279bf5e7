"""What fal's words become before anything is kept: something that both databases take, or an error."""

import json
from typing import Any

import pytest

from generations.fal.replies import DEEPEST, loads


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"a": 1.5, "b": [true, null]}', {"a": 1.5, "b": [True, None]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (rb'{"a": "x\u0000y"}', {"a": "xy"}),
        (rb'{"a\u0000": "\ud800"}', {"a": "?"}),
        (b'{"a": "\xed\xa0\x80"}', {"a": "?"}),
        ('{"a": "\u00fcber \U0001f600"}'.encode(), {"a": "über 😀"}),
        (b'{"a": [1e999, -1e999, NaN, Infinity]}', {"a": ["inf", "-inf", "nan", "inf"]}),
        (nested(DEEPEST), json.loads(nested(DEEPEST))),
    ],
)
def test_what_is_kept(sent: bytes, kept: Any) -> None:
    assert loads(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": "\x00"}',
        nested(DEEPEST + 1),
        nested(900),
        nested(5_000),
        nested(100_000),
        b"[" * 50_000 + b"]" * 50_000,
    ],
)
def test_what_is_no_json_of_anybody_honest(sent: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each of its kinds
        loads(sent)
