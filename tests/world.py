"""People, orders and workers for tests: plain objects over the product's own verbs."""

import io
import time
import uuid
from dataclasses import dataclass
from typing import Any

import av
import django_rq
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rq import SimpleWorker

from accounts.models import Membership, Role, User, Wallet, open_workspace
from accounts.policy import Actor
from fal_emulator.server import Emulator
from generations import orders
from generations.catalogue import Endpoint, Kind, find
from generations.media import intake
from generations.models import OPEN, Generation, Upload
from generations.reconcile import sweep

PASSWORD = "correct horse battery"
LITE = "fal-ai/veo3.1/lite"


@dataclass
class World:
    """An owner, a colleague and a viewer in one workspace; a stranger in another."""

    alice: Actor
    bob: Actor
    vera: Actor
    eve: Actor

    @classmethod
    def make(cls, funds: int = 1000) -> "World":
        """Fresh people; both workspaces hold `funds` credits."""
        alice, bob, vera, eve = (
            User.objects.create_user(f"{name}@example.com", PASSWORD, first_name=name.title())
            for name in ("alice", "bob", "vera", "eve")
        )
        northlight = open_workspace("Northlight", owner=alice)
        harbour = open_workspace("Harbour", owner=eve)
        Membership.objects.create(user=bob, workspace=northlight, role=Role.CREATOR)
        Membership.objects.create(user=vera, workspace=northlight, role=Role.VIEWER)
        for workspace in (northlight, harbour):
            if funds:
                workspace.wallet.grant(funds, cause=f"test:{workspace.pk}")
        return cls(*(actor(each) for each in (alice, bob, vera, eve)))


def actor(user: User) -> Actor:
    """A person in their only workspace."""
    return Actor.of(Membership.objects.select_related("user", "workspace__wallet").get(user=user))


def picture(width: int = 1280, height: int = 720, color: str = "teal", kind: str = "PNG") -> bytes:
    """A real picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, kind)
    return out.getvalue()


def video(seconds: float = 2, width: int = 1280, height: int = 720) -> bytes:
    """A real MP4 without sound."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame.from_image(Image.new("RGB", (width, height), "navy"))
        for number in range(int(seconds * 24)):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def upload(who: Actor, kind: str = "image", content: bytes | None = None) -> Upload:
    """A file taken in through the product's own intake."""
    data = content or (picture() if kind == "image" else video())
    name = "shot.png" if kind == "image" else "shot.mp4"
    return intake.receive(SimpleUploadedFile(name, data), Upload.Kind(kind), who)


def complete_input(endpoint: Endpoint, who: Actor, **values: Any) -> dict[str, Any]:
    """Defaults for everything, real uploads where files are needed, and `values` on top."""
    filled: dict[str, Any] = {"prompt": "A lighthouse at dusk"}
    for described in endpoint.fields:
        if described.kind == Kind.IMAGES:
            filled[described.name] = [str(upload(who).pk)]
        elif described.kind.is_media:
            kind = "video" if described.kind == Kind.VIDEO else "image"
            filled[described.name] = str(upload(who, kind).pk)
        elif described.default is not None:
            filled[described.name] = described.default
    return filled | values


def order(
    who: Actor, endpoint_id: str = LITE, *, takes: int = 1, key: uuid.UUID | None = None, **values: Any
) -> orders.Order:
    """An order as a valid form would make it, at today's price."""
    endpoint = find(endpoint_id)
    filled = complete_input(endpoint, who, **values)
    quoted = orders.price(endpoint, filled, takes).total
    return orders.Order(endpoint, filled, takes, key or uuid.uuid4(), quoted)


class Studio:
    """The product with its workers in the hands of the test."""

    def __init__(self, world: World, fal: Emulator) -> None:
        self.world, self.fal = world, fal
        self.empty_queues()

    def place(self, who: Actor | None = None, endpoint_id: str = LITE, **values: Any) -> Generation:
        """Order one clip."""
        person = who or self.world.alice
        return orders.place(person, order(person, endpoint_id, **values))[0]

    def work(self) -> None:
        """Let the reconciler sweep and real RQ workers empty the queues, once."""
        sweep()
        for name in ("drive", "media", "mail"):
            queue = django_rq.get_queue(name)
            if queue.is_empty():
                continue  # a worker takes a moment to leave
            worker = SimpleWorker([queue], connection=queue.connection, serializer=queue.serializer)
            worker.work(burst=True, logging_level="ERROR")

    def settle(self, *generations: Generation, seconds: float = 30) -> None:
        """Work and sweep until these (or all) have ended. AssertionError when they do not in time."""
        ends = time.monotonic() + seconds
        keys = [each.pk for each in generations]
        while time.monotonic() < ends:
            self.work()
            waiting = Generation.objects.filter(state__in=OPEN)
            if not (waiting.filter(pk__in=keys) if keys else waiting).exists():
                break
            time.sleep(0.05)
        else:
            raise AssertionError(
                list(Generation.objects.filter(state__in=OPEN).values_list("pk", "state", "tries"))
            )
        for each in generations:
            each.refresh_from_db()

    def empty_queues(self) -> None:
        """Forget every job, as a Redis without memory would."""
        for name in ("drive", "media", "mail"):
            django_rq.get_queue(name).empty()

    def accepted(self, generation: Generation) -> int:
        """How many submissions of this generation fal took, by fal's own journal."""
        seed = generation.input.get("seed")
        return sum(
            1
            for line in self.fal.journal()
            if line["input"].get("prompt") == generation.prompt and line["input"].get("seed") == seed
        )

    def wallet(self, who: Actor | None = None) -> Wallet:
        """The balance now."""
        return Wallet.objects.get(workspace=(who or self.world.alice).workspace)
