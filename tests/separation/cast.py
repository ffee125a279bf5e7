"""Who asks: one person for each role, with their browser, and the things of two workspaces."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import signing
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import (
    ApiToken,
    AuditEvent,
    Budget,
    Invitation,
    Membership,
    Notification,
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
from generations import orders, sharing
from generations.media.vault import new_key, vault
from generations.models import Collection, Generation, State, StateChange, Upload, Visibility
from tests.clips import finished
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
    # Words of addresses that open to whoever has them.
    keys: dict[str, str] = field(default_factory=dict)
    # Where each list goes on after something of theirs.
    cursors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, world: World, actor: Actor, word: str) -> "Tenant":
        """Order, finish, bin, upload and write down, each with `word` in it."""
        made = cls(actor, word)
        clip, binned, shared = (
            finished(world, actor, prompt=f"{word} {each} at dusk") for each in ("pier", "gull", "mole")
        )
        sharing.set_visibility(actor, shared, Visibility.LINK)
        Generation.objects.filter(pk=binned.pk).update(deleted_at=timezone.now())
        waiting = orders.place(actor, order(actor, prompt=f"{word} harbour at dusk"))[0]
        event = AuditEvent.of("test.seen", actor.workspace, actor=actor.user, words=f"{word} event")
        event.save()
        made.things = {
            "clip": clip.pk,
            "binned": binned.pk,
            "shared": shared.pk,
            "parked": _parked(actor, word).pk,
            "waiting": waiting.pk,
            "upload": _upload(actor, word).pk,
            "video": _upload(actor, word, Upload.Kind.VIDEO).pk,
            "workspace": actor.workspace.pk,
            "person": actor.user.pk,
            "event": event.pk,
            "entry": actor.workspace.wallet.entries.get(hold=clip.hold).pk,
            "hold": waiting.hold_id,
        } | _team_things(actor, word, clip)
        invited = Invitation.objects.get(workspace=actor.workspace)
        made.keys = {"share": sharing.address_of(shared).split("/")[-2], "invited": invited.word}
        made.cursors = _cursors(made, clip)
        return made

    def named(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """The words of a path with the ids and keys that they name."""
        known = self.things | self.keys
        return {word: known.get(name, name) for word, name in words.items()}

    @property
    def secrets(self) -> dict[str, str]:
        """What nobody of another workspace may read, by what it is."""
        ids = {name: str(key) for name, key in self.things.items() if isinstance(key, uuid.UUID)}
        return (
            ids
            | self.keys
            | {
                "words": self.word,
                "small words": self.word.lower(),
                "workspace's name": self.actor.workspace.name,
                "address": self.actor.user.email,
            }
        )


def _parked(actor: Actor, word: str) -> Generation:
    """An order over a budget that asks. The budget binds nothing else here."""
    about = {"member": actor.user, "resolution": "1080p", "most": 0, "beyond": Budget.Beyond.ASK}
    Budget.objects.create(workspace=actor.workspace, month=month_of(timezone.now()), **about)
    Wallet.objects.filter(workspace=actor.workspace).update(budgeted=True)
    wanted = order(actor, prompt=f"{word} beacon at dusk", resolution="1080p")
    parked = orders.place(actor, wanted)[0]
    assert parked.state == State.AWAITING
    return parked


def _team_things(actor: Actor, word: str, clip: Generation) -> dict[str, Any]:
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
    collection = Collection.objects.create(workspace=home, name=f"{word} picks", author=actor.user)
    collection.items.create(generation=clip, added_by=actor.user)
    line = Notification.objects.create(user=actor.user, workspace=home, text=f"{word} bell", address="/team/")
    return {
        "token": token.pk,
        "invitation": invitation.pk,
        "hook": hook.pk,
        "message": message.pk,
        "budget": budget.pk,
        "collection": collection.pk,
        "member": home.memberships.order_by("-pk")[0].pk,
        "line": line.pk,
    }


def _cursors(tenant: Tenant, clip: Generation) -> dict[str, str]:
    """As the lists sign them: of rows of this tenant, newer (or older) than which theirs all are."""
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    first = "2001-01-01T00:00:00+00:00"
    things = {name: str(key) for name, key in tenant.things.items()}
    change = StateChange.objects.filter(generation=tenant.things["parked"]).latest("pk").pk
    places: dict[str, Any] = {
        "gallery": [later, things["clip"]],
        "audit": tenant.things["event"] + 1000,
        "bell": tenant.things["line"] + 1000,
        "members": ["", 0],
        "invitations": [later, things["invitation"]],
        "tokens": [later, things["token"]],
        "webhook messages": [later, things["message"]],
        "statement": 1000,
        "budgets": 0,
        "approvals": [first, str(clip.form_key)],
        "decided": change + 1000,
        "api.generations": [later, things["clip"]],
        "api.ledger": 1000,
    }
    made = {salt: signing.dumps(place, salt=salt) for salt, place in places.items()}
    return made | {
        "collections": signing.dumps("", salt="collection"),
        "collection": signing.dumps(10**9, salt="collection"),
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
        if isinstance(data, str):
            extra["content_type"] = "application/json"
        response = send(address, data, headers=headers, **extra) if data else send(
            address, headers=headers, **extra
        )  # fmt: skip
        if response.streaming:  # a closed file has nothing in it
            response.streaming_content = [b"".join(response.streaming_content)]
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
        callers |= {name: program_of(people["owner"], home, scopes) for name, scopes in TOKENS.items()}
        harbour, every = world.eve.workspace, list(Scope)
        Membership.objects.create(user=_person("mate"), workspace=harbour, role=Role.CREATOR)
        callers["owner's program"] = program_of(people["owner"], home, every)
        callers["outsider's program"] = program_of(people["outsider"], harbour, every)
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


def program_of(user: User, workspace: Workspace, scopes: list[Scope]) -> Caller:
    # That it was used is written once a minute, which is the one thing that a GET of a program may write.
    used = timezone.now() + timedelta(days=1)
    fields = {"name": "test", "scopes": scopes, "last_used_at": used}
    row, secret = ApiToken.draw(user=user, workspace=workspace, **fields)
    row.save()
    caller = Caller.of()
    caller.headers = {"Authorization": f"Bearer {secret}"}
    return caller
