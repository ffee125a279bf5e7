"""Small doors: odd ids, other tabs, strangers with luggage, and tokens on their way into a log."""

import json
import logging
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role
from config.logs import Json
from generations import orders
from generations.media.receiving import MOST_BYTES_OF_STRANGERS
from generations.models import Generation, Upload
from tests.clips import finished
from tests.world import World, order


@pytest.mark.parametrize("spelling", [str.upper, lambda key: f"{{{key}}}", lambda key: key.replace("-", "")])
def test_an_id_in_another_spelling_is_the_same_card(world: World, client_of: Any, spelling: Any) -> None:
    generation = orders.place(world.alice, order(world.alice))[0]
    card = f"{spelling(str(generation.pk))}:other"
    assert client_of("alice").get(reverse("generations:live"), {"c": card}).status_code == 200


def test_a_form_drawn_in_another_workspace_charges_nobody(world: World, client_of: Any) -> None:
    Membership.objects.create(user=world.alice.user, workspace=world.eve.workspace, role=Role.CREATOR)
    alice = client_of("alice")
    alice.post(reverse("accounts:switch", args=[world.alice.workspace.pk]))
    form = alice.get(reverse("generations:create")).context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "")}
    data |= {"prompt": "Whose money?", "endpoint": form.endpoint.id, "quoted": form.quote().total}
    alice.post(reverse("accounts:switch", args=[world.eve.workspace.pk]))  # in another tab
    response = alice.post(reverse("generations:create"), data)
    assert (response.status_code, response.context["refusal_kind"]) == (409, "OtherWorkspace")
    assert not Generation.objects.exists()
    # Sent again from the page that says so, the workspace named there pays.
    data["drawn_in"] = response.context["form"]["drawn_in"].value()
    assert alice.post(reverse("generations:create"), data).status_code == 302
    assert Generation.objects.get().workspace == world.eve.workspace


def test_choosing_a_clip_to_extend_writes_nothing(world: World, client_of: Any) -> None:
    done = finished(world)
    response = client_of("alice").get(reverse("generations:create"), {"extend": str(done.pk)})
    assert response.context["chosen_clip"] == done
    assert not Upload.objects.exists()


@pytest.mark.django_db
def test_a_strangers_luggage_is_not_taken_in() -> None:
    luggage = b"x" * (MOST_BYTES_OF_STRANGERS + 1)
    sent = Client().post(reverse("generations:create"), {"image_url": SimpleUploadedFile("x.png", luggage)})
    assert (sent.status_code, sent["Location"].split("?")[0]) == (302, reverse("account_login"))
    brought = Client().post(reverse("account_login"), {"file": SimpleUploadedFile("x.png", luggage)})
    assert brought.status_code == 400


def test_the_log_of_a_failed_webhook_has_no_token() -> None:
    address = "/webhooks/fal/abc_DEF-123/"
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "Down: %s", (address,), None)
    assert json.loads(Json().format(record))["message"] == "Down: /webhooks/fal/…/"
