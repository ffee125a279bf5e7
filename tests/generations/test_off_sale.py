"""The create page of a model that an administrator switched off."""

from typing import Any

import pytest
from django.urls import reverse

from generations.models import EndpointSwitch
from tests.generations.composing import IMAGE, TEXT, fields

pytestmark = pytest.mark.usefixtures("wallet")
CREATE = reverse("generations:create")
QUOTE = reverse("generations:quote")


def test_a_model_that_is_switched_off_promises_nothing_and_has_nothing_to_press(client_of: Any):
    alice, button = client_of("alice"), 'id="generate" disabled'
    for page in (alice.get(CREATE, {"endpoint": IMAGE}), alice.post(QUOTE, fields(IMAGE))):
        assert "Left afterwards" in page.content.decode()
        assert button not in page.content.decode()
    EndpointSwitch.objects.create(endpoint=IMAGE, on_sale=False, note="Back on Monday.")
    page, quote = alice.get(CREATE, {"endpoint": IMAGE}), alice.post(QUOTE, fields(IMAGE))
    for text in (page.content.decode(), quote.content.decode()):
        assert "Left afterwards" not in text
        assert "Held now" not in text
        assert button in text
        assert "primary big" not in text
    assert page.content.decode().count("is switched off at the moment. Back on Monday.") == 1


def test_a_page_of_a_model_that_is_gone_says_of_the_other_one_that_it_is_off(client_of: Any):
    first = client_of("alice").get(CREATE).context["endpoint"]
    EndpointSwitch.objects.create(endpoint=first.id, on_sale=False)
    page = client_of("alice").post(CREATE, fields(TEXT, quoted="40") | {"endpoint": "fal-ai/veo2"})
    assert "is switched off at the moment" in page.content.decode()
