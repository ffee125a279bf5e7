"""No call to fal holds a lock: inside a transaction there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction

from generations.fal.client import Fal
from generations.fal.download import fetch
from generations.gateway import connect, media_hosts, refuse_in_transaction
from tests.generations.puppet import Puppet

ADDRESS = "{}/fal-ai/veo3.1/requests/r-1"
CALLS: dict[str, Callable[[Fal, str], object]] = {
    "submit": lambda fal, _: fal.submit("fal-ai/veo3.1/lite", {"prompt": "x"}, "https://example.com/"),
    "status": lambda fal, address: fal.status(f"{address}/status"),
    "result": lambda fal, address: fal.result(address),
    "cancel": lambda fal, address: fal.cancel(f"{address}/cancel"),
    "upload": lambda fal, _: fal.upload(b"x", content_type="image/jpeg", name="x.jpg"),
    "probe": lambda fal, _: fal.probe(),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("call", CALLS)
def test_inside_a_transaction_nothing_is_sent(puppet: Puppet, call: str) -> None:
    with pytest.raises(RuntimeError, match="transaction"), transaction.atomic():
        CALLS[call](connect(), ADDRESS.format(puppet.url))
    assert puppet.calls == []


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_nothing_is_fetched(puppet: Puppet, tmp_path: Path) -> None:
    address = f"{puppet.url}/file/x.mp4"
    with pytest.raises(RuntimeError, match="transaction"), transaction.atomic():
        fetch(address, tmp_path / "x.mp4", hosts=media_hosts(), before=refuse_in_transaction)
    assert puppet.calls == []
