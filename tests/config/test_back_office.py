"""Every page of the back office opens, for every kind of row: an operator needs it on the worst day."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import letters
from accounts.models import AuditEvent, User
from generations.models import Breaker, EndpointSwitch, Heartbeat, Notice
from tests import factors
from tests.world import LITE, PASSWORD, Studio, upload

OURS = ("accounts", "generations")


@pytest.fixture
def root(studio: Studio) -> Client:
    """Signed in where at least one row of each kind is."""
    alice = studio.world.alice
    made = studio.place(prompt="[extended] A pier in the rain")
    studio.place(prompt="[policy] A duel")
    studio.settle()
    upload(alice)
    AuditEvent.of("test.looked", made, actor=alice.user).save()
    Breaker.bad("locked: no balance", paid=True, at_once=True)
    Heartbeat.beat("reconciler")
    letters.write("bob@example.com", "approval_denied", {"prompt": "A lighthouse"})
    EndpointSwitch.objects.create(endpoint=LITE)
    Notice.objects.get_or_create(place=Notice.Place.BAR, defaults={"title": "Welcome"})
    return factors.sign_in(Client(), User.objects.create_superuser("root@example.com", PASSWORD))


@pytest.mark.redis
def test_every_list_and_every_row_opens(root: Client) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert root.get(reverse(f"{name}_changelist")).status_code == 200, name
        rows: Any = model._default_manager.all()[:5] if model._meta.app_label in OURS else []
        assert rows or model._meta.app_label not in OURS, f"no row of {name} to try"
        for row in rows:
            assert root.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, f"{name} {row.pk}"
