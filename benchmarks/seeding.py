"""Many rows quickly: one is made by the product's own verbs, the others are its copies in SQL.

Copying names no column that it does not change, so it survives new columns.
"""

from django.db import connection, models, transaction
from django.db.models import F

from accounts.models import User, Wallet, open_workspace
from benchmarks.reservation import rows_of
from generations.models import Attempt, Generation, State
from generations.motor.deliveries import taken_on
from generations.timing import LEASE


def columns(model: type[models.Model]) -> list[str]:
    """All that must be named in an INSERT; the database numbers rows by itself."""
    fields = (each for each in model._meta.concrete_fields if not isinstance(each, models.AutoField))
    return [str(field.column) for field in fields]


def copy(row: models.Model, count: int, **changed: str) -> None:
    """`count` copies of a saved row; each changed column is an SQL expression over `i`, 1 to `count`."""
    names = columns(type(row))
    values = [changed.get(name, f'"{name}"') for name in names]
    table, key = row._meta.db_table, row._meta.pk
    assert key is not None
    assert set(changed) <= set(names), changed
    listed = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(values)} '
            f'FROM "{table}", generate_series(1, %s) AS i WHERE "{key.column}" = %s ORDER BY i',
            [count, row.pk],
        )


def teams(count: int, funds: int) -> None:
    """So many workspaces with a person and a wallet each; the n-th wallet is the n-th person's."""
    if connection.vendor != "postgresql":
        with transaction.atomic():
            for number in range(count):
                team(number, funds)
        return
    wallet = team(0, funds)
    owner, many = User.objects.get(), count - 1
    copy(owner, many, email="'person' || i || '@example.com'")
    copy(wallet.workspace, many, id=as_uuid("workspace"))
    copy(wallet, many, workspace_id=as_uuid("workspace"))


def team(number: int, funds: int) -> Wallet:
    """One of them, by the product's verbs; its wallet."""
    owner = User.objects.create_user(f"person{number}@example.com")
    wallet = open_workspace("Team", owner=owner).wallet
    wallet.grant(funds, cause=f"benchmark:{number}")
    wallet.refresh_from_db()
    return wallet


def as_uuid(kind: str) -> str:
    """The same identifier for the same kind and number, so that copies can refer to each other."""
    return f"md5('{kind}' || i)::uuid"


def offset_of_people() -> int:
    """What is to be added to a wallet's number for its person's."""
    return int(
        User.objects.order_by("pk").values_list("pk", flat=True)[0]
        - Wallet.objects.order_by("pk").values_list("pk", flat=True)[0]
    )


def ordered(count: int) -> None:
    """So many older orders of the first team.

    A backend keeps the plans of foreign-key checks and triggers; made on empty tables they are sequential
    scans, and stay so while the tables grow.
    """
    copy_order(order(), count)


def with_fal(count: int) -> None:
    """So many generations that fal has and works on; `token_of` and `request_of` name the n-th."""
    generation = order()
    assert generation.claim(State.SUBMITTING, seconds=LEASE, cause="claimed")
    prepared = Attempt.prepare(generation, dict(generation.input))
    assert prepared
    attempt, _ = prepared
    assert attempt.begin(generation)
    assert taken_on(attempt, "first", cause="accepted by fal")
    attempt.refresh_from_db()
    generation.refresh_from_db()
    copy_order(generation, count)
    copy(
        attempt,
        count,
        generation_id=as_uuid("generation"),
        token_hash="encode(sha256(('token-' || i)::bytea), 'hex')",
        request_id="'request-' || i",
    )


def order() -> Generation:
    """One of the first team."""
    wallet, author = Wallet.objects.order_by("pk")[0], User.objects.order_by("pk")[0]
    hold, generation, change, event = rows_of(wallet, author)
    assert wallet.hold([hold], rows=[generation, change, event])
    return Generation.objects.select_related("hold").get(pk=generation.pk)


def copy_order(generation: Generation, count: int) -> None:
    """Its hold, itself and its history, with the credits that so many hold."""
    hold = generation.hold
    assert hold
    copy(hold, count, id=as_uuid("hold"))
    fresh = {"id": as_uuid("generation"), "hold_id": as_uuid("hold"), "form_key": as_uuid("form")}
    copy(generation, count, **fresh)
    for change in generation.changes.order_by("pk"):
        copy(change, count, generation_id=as_uuid("generation"))
    Wallet.objects.filter(pk=hold.wallet_id).update(held=F("held") + count * hold.amount)


def token_of(number: int) -> str:
    """The secret in the webhook address of the n-th generation."""
    return f"token-{number}"


def request_of(number: int) -> str:
    """fal's name for the n-th generation's request."""
    return f"request-{number}"
