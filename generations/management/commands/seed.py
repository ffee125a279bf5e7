"""`seed`: workspaces with people, credits and budgets, and sample clips made the ordinary way."""

import time
import uuid
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.budgets import AlreadySet, Gone, set_budget
from accounts.models import Budget, Membership, Role, User, Workspace, open_workspace
from accounts.policy import Actor
from generations import orders
from generations.catalogue import find
from generations.models import OPEN, Generation

PASSWORD = "dailies-demo-1"  # noqa: S105 - sample people on a machine of one's own
CREDITS = 2_500
PEOPLE = {
    # workspace: its people, the owner first
    "Northlight Films": [
        ("ada@northlight.example", "Ada Lindqvist", Role.OWNER),
        ("iris@northlight.example", "Iris Halvorsen", Role.ADMIN),
        ("omar@northlight.example", "Omar Haddad", Role.BILLING),
        ("ben@northlight.example", "Ben Okafor", Role.CREATOR),
        ("vera@northlight.example", "Vera Moreau", Role.VIEWER),
    ],
    "Harbour Agency": [("cleo@harbour.example", "Cleo Tanaka", Role.OWNER)],
    "Tidewater Studio": [
        ("tom@tidewater.example", "Tom Iwasaki", Role.OWNER),
        ("ada@northlight.example", "Ada Lindqvist", Role.CREATOR),
    ],
}
ADMIN = ("root@dailies.example", "Root")


@dataclass(frozen=True)
class Sample:
    """A clip to be made once. The key makes seeding twice one clip."""

    author: str
    endpoint: str
    prompt: str
    duration: str = "4s"
    resolution: str = "720p"
    aspect_ratio: str = "16:9"
    audio: bool = True

    @property
    def key(self) -> uuid.UUID:
        """The same sample has the same form key."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.author}/{self.prompt}")


LITE, FAST, VEO = "fal-ai/veo3.1/lite", "fal-ai/veo3.1/fast", "fal-ai/veo3.1"
ADA, BEN, CLEO = "ada@northlight.example", "ben@northlight.example", "cleo@harbour.example"
# Over a budget: waits for Ada's decision.
WISH = Sample(BEN, VEO, "The lighthouse from the sea in a storm, one long take", "8s", "4k")
SAMPLES = (
    Sample(ADA, FAST, "Slow dolly through a foggy harbour at dawn, gulls and a distant bell", "6s"),
    Sample(ADA, LITE, "Macro shot of frost melting off a red leaf, morning light, no people"),
    Sample(ADA, LITE, "Handheld, a street market in the rain, neon on wet asphalt", aspect_ratio="9:16"),
    Sample(BEN, VEO, "A lighthouse keeper climbs a spiral stair, lantern swinging, echoing steps", "8s"),
    Sample(CLEO, FAST, "Product reveal: a ceramic cup turning on black stone, rim light", audio=False),
    Sample(CLEO, LITE, "Aerial over terraced fields, long shadows, a single cyclist", "6s", "1080p"),
)


class Command(BaseCommand):
    """Idempotent: what is there already stays."""

    help = "Sample people and credits; with --clips also sample clips, which fal (or its emulator) makes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Clips cost real money at the real fal, so none are made unless asked for."""
        parser.add_argument("--clips", type=int, default=0, help=f"make up to {len(SAMPLES)} sample clips")
        parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait for them")

    def handle(self, *args: Any, **options: Any) -> None:
        """People, then orders, then patience."""
        with transaction.atomic():
            for name, people in PEOPLE.items():
                _workspace(name, [(_person(email, called), role) for email, called, role in people])
            root = _person(*ADMIN)
            User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)
            _workspace("Operations", [(root, Role.OWNER)])
            _limits("Northlight Films")
        made = [_make(sample) for sample in SAMPLES[: options["clips"]]]
        ends = time.monotonic() + options["wait"]
        waiting = Generation.objects.filter(pk__in=[each.pk for each in made], state__in=OPEN)
        while waiting.exists() and time.monotonic() < ends:
            time.sleep(0.2)
        if made:
            with suppress(orders.Refused):  # the owner may have set other budgets since
                _make(WISH)
        self.stdout.write(f"{len(made) - waiting.count()} of {len(made)} sample clips are ready.")


def _person(email: str, name: str) -> User:
    known = User.objects.filter(email=email).first()
    if known:
        return known
    first, _, last = name.partition(" ")
    user = User.objects.create_user(email, PASSWORD, first_name=first, last_name=last)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _workspace(name: str, people: list[tuple[User, Role]]) -> Workspace:
    owner = people[0][0]
    known = Workspace.objects.filter(name=name, memberships__user=owner).first()
    if known:
        return known
    workspace = open_workspace(name, owner=owner)
    for user, role in people[1:]:
        Membership.objects.create(user=user, workspace=workspace, role=role)
    workspace.wallet.grant(CREDITS, cause=f"seed:{workspace.pk}", reason="Opening credits")
    return workspace


def _limits(name: str) -> None:
    """Ben has so much a month, and creators ask before they make something in 4k."""
    here = Membership.objects.filter(workspace__name=name, user__email=ADA)
    if not here:  # handed over, and left
        return
    owner = Actor.of(here[0])
    ben = User.objects.get(email=BEN)
    for wanted in (
        Budget(member=ben, most=1_500),
        Budget(role=Role.CREATOR, resolution="4k", most=0, beyond=Budget.Beyond.ASK),
    ):
        with suppress(AlreadySet, Gone):  # or he went elsewhere
            set_budget(owner, wanted)


def _make(sample: Sample) -> Generation:
    known = Generation.objects.filter(author__email=sample.author, form_key=sample.key).first()
    if known:  # whatever its author is, and where, by now
        return known
    mine = Membership.objects.select_related("user", "workspace").filter(user__email=sample.author)
    membership = mine.earliest("pk")
    endpoint = find(sample.endpoint)
    values = {
        described.name: described.default for described in endpoint.fields if described.default is not None
    }
    values |= {
        "prompt": sample.prompt,
        "duration": sample.duration,
        "resolution": sample.resolution,
        "aspect_ratio": sample.aspect_ratio,
        "generate_audio": sample.audio,
    }
    quoted = orders.price(endpoint, values, takes=1).total
    order = orders.Order(endpoint, values, 1, sample.key, quoted)
    return orders.place(Actor.of(membership), order)[0]
