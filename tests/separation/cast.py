"""Who asks: one person for each role, with their browser, and the things of two workspaces."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import (
    ApiToken,
    AuditEvent,
    Budget,
    Invitation,
    Membership,
    Role,
    Scope,
    User,
    Wallet,
    WebhookEndpoint,
    WebhookMessage,
    Workspace,
)
from accounts.models.budget import month_of
from accounts.policy import Actor
from generations import orders
from generations.media.vault import new_key, vault
from generations.models import Collection, Generation, Upload
from tests.generations.test_access import finished
from tests.world import PASSWORD, World, order

ROLES = (
    "anonymous", "unverified", "outsider", "viewer", "creator", "billing", "admin", "owner",
    "removed", "suspended", "staff", "root",
)  # fmt: skip
TOKENS = {"reading": [Scope.READ], "creating": [Scope.CREATE], "accounting": [Scope.CREDITS]}
CALLERS = (*ROLES, *TOKENS)
# One that is nobody's, for what cannot be guessed.
NONE = uuid.UUID("00000000-0000-4000-8000-000000000000")


@dataclass
class Tenant:
    """A workspace with one of everything, under words that stand nowhere else."""

    actor: Actor
    word: str
    things: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, world: World, actor: Actor, word: str) -> "Tenant":
        """Order, finish, bin, upload and write down, each with `word` in it."""
        made = cls(actor, word)
        clip, binned = (finished(world, actor, prompt=f"{word} {each} at dusk") for each in ("pier", "gull"))
        Generation.objects.filter(pk=binned.pk).update(deleted_at=timezone.now())
        waiting = orders.place(actor, order(actor, prompt=f"{word} harbour at dusk"))[0]
        event = AuditEvent.of("test.seen", actor.workspace, actor=actor.user, words=f"{word} event")
        event.save()
        made.things = {
            "clip": clip.pk,
            "binned": binned.pk,
            "waiting": waiting.pk,
            "upload": _upload(actor, word).pk,
            "video": _upload(actor, word, Upload.Kind.VIDEO).pk,
            "workspace": actor.workspace.pk,
            "person": actor.user.pk,
            "event": event.pk,
            "entry": actor.workspace.wallet.entries.get(hold=clip.hold).pk,
            "hold": waiting.hold_id,
        } | _team_things(actor, word)
        return made

    @property
    def secrets(self) -> dict[str, str]:
        """What nobody of another workspace may read, by what it is."""
        ids = {name: str(key) for name, key in self.things.items() if isinstance(key, uuid.UUID)}
        return ids | {
            "words": self.word,
            "workspace's name": self.actor.workspace.name,
            "address": self.actor.user.email,
        }


def _team_things(actor: Actor, word: str) -> dict[str, Any]:
    """What a team has besides clips. The member is a colleague where there is one."""
    home = actor.workspace
    made = {"workspace": home, "created_by": actor.user}
    token, _ = ApiToken.draw(user=actor.user, workspace=home, name=f"{word} token", scopes=[Scope.READ])
    token.save()
    week = timezone.now() + timedelta(days=7)
    invited = {"workspace": home, "invited_by": actor.user, "expires_at": week}
    invitation = Invitation.objects.create(email=f"guest.{word.lower()}@example.com", **invited)
    hook = WebhookEndpoint.objects.create(url=f"https://{word.lower()}.example/hook", **made)
    message = WebhookMessage.objects.create(endpoint=hook, type="generation.succeeded", body={"word": word})
    month = month_of(timezone.now())
    # For a role that nobody has spent in, so that it counts nothing.
    budget = Budget.objects.create(workspace=home, role=Role.BILLING, most=100, month=month)
    Wallet.objects.filter(workspace=home).update(budgeted=True)
    collection = Collection.objects.create(workspace=home, name=f"{word} picks", author=actor.user)
    return {
        "token": token.pk,
        "invitation": invitation.pk,
        "hook": hook.pk,
        "message": message.pk,
        "budget": budget.pk,
        "collection": collection.pk,
        "member": home.memberships.order_by("-pk")[0].pk,
    }


def _upload(actor: Actor, word: str, kind: Upload.Kind = Upload.Kind.IMAGE) -> Upload:
    """Straight into the vault: what the intake does with files has tests of its own."""
    return Upload.objects.create(
        workspace=actor.workspace, author=actor.user, kind=kind, name=f"{word}.png",
        file=vault().save(new_key("uploads", actor.workspace.pk, ".png"), ContentFile(b"0123456789")),
        content_type="image/png", source_sha256=uuid.uuid4().hex * 2, size=10, width=1280, height=720,
        seconds=4.0,
    )  # fmt: skip


@dataclass
class Caller:
    """A browser, or a program with its token, that is the same before each question."""

    client: Client
    headers: dict[str, str] = field(default_factory=dict)
    cookies: str = ""

    @classmethod
    def of(cls, user: User | None = None, **options: Any) -> "Caller":
        """Signed in as `user`, or nobody."""
        client = Client(raise_request_exception=False, **options)
        if user:
            client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
        return cls(client, cookies=client.cookies.output(header="", sep=";"))

    def ask(self, method: str, address: str, data: Any = None, **extra: Any) -> Any:
        """One request, whatever was asked before."""
        self.client.cookies = SimpleCookie(self.cookies)
        send: Callable[..., Any] = getattr(self.client, method.lower())
        headers = self.headers | extra.pop("headers", {})
        response = send(address, data, headers=headers, **extra) if data else send(
            address, headers=headers, **extra
        )  # fmt: skip
        for close in response._resource_closers:  # close() itself would also end the test's transaction
            close()
        return response


@dataclass
class Cast:
    """Everybody, and the things of Northlight (the owner's) and of Harbour (the outsider's)."""

    callers: dict[str, Caller]
    northlight: Tenant
    harbour: Tenant
    people: dict[str, User]

    @classmethod
    def make(cls) -> "Cast":
        """The usual world with the roles that it lacks."""
        world = World.make(funds=5000)
        home = world.alice.workspace
        people = {
            "owner": world.alice.user, "creator": world.bob.user, "viewer": world.vera.user,
            "outsider": world.eve.user,
        }  # fmt: skip
        for role in ("billing", "admin"):
            people[role] = _person(role)
            Membership.objects.create(user=people[role], workspace=home, role=Role(role))
        for name in ("removed", "suspended"):
            people[name] = _person(name)
        moment = timezone.now()
        suspended = {"workspace": home, "role": Role.ADMIN, "suspended_at": moment}
        Membership.objects.create(user=people["suspended"], **suspended)
        people["staff"] = _person("staff", is_staff=True)
        people["root"] = _person("root", is_staff=True, is_superuser=True)
        _second_factor(people["root"])
        people["unverified"] = _person("unverified")
        for name, person in people.items():
            verified = name != "unverified"
            EmailAddress.objects.create(user=person, email=person.email, verified=verified, primary=True)
        callers = {name: Caller.of(people.get(name)) for name in ROLES if name != "unverified"}
        callers["unverified"] = _halfway_in()
        _proven(callers["root"], people["root"])
        callers |= {name: _program(people["owner"], home, scopes) for name, scopes in TOKENS.items()}
        north = Tenant.make(world, world.alice, "Quillfeather")
        return cls(callers, north, Tenant.make(world, world.eve, "Brackwater"), people)


def _person(name: str, **rights: bool) -> User:
    return User.objects.create_user(f"{name}@example.com", PASSWORD, first_name=name.title(), **rights)


def _second_factor(user: User) -> None:
    data = {"secret": "JBSWY3DPEHPK3PXP"}
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=data)


def _proven(caller: Caller, user: User) -> None:
    """This session was opened with the second factor."""
    session = caller.client.session
    session["second_factor"] = user.pk
    session.save()


def _halfway_in() -> Caller:
    """Signed up, and the right password was typed: the address is not confirmed, so nobody is signed in."""
    caller = Caller.of()
    caller.client.post("/accounts/login/", {"login": "unverified@example.com", "password": PASSWORD})
    caller.cookies = caller.client.cookies.output(header="", sep=";")
    return caller


def _program(user: User, workspace: Workspace, scopes: list[Scope]) -> Caller:
    row, secret = ApiToken.draw(user=user, workspace=workspace, name="test", scopes=scopes)
    row.save()
    caller = Caller.of()
    caller.headers = {"Authorization": f"Bearer {secret}"}
    return caller
