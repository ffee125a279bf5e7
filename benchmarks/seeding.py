"""Many rows quickly: one is made by the product's own verbs, the others are its copies in SQL.

Copying names no column that it does not change, so it survives new columns.
"""

from django.db import connection, models

from accounts.models import User, Wallet, open_workspace


def columns(model: type[models.Model]) -> list[str]:
    """All that must be named in an INSERT; the database numbers rows by itself."""
    fields = (each for each in model._meta.concrete_fields if not isinstance(each, models.AutoField))
    return [str(field.column) for field in fields]


def copy(row: models.Model, count: int, **changed: str) -> None:
    """`count` copies of a saved row; each changed column is an SQL expression over `i`, 1 to `count`."""
    names = columns(type(row))
    values = [changed.get(name, f'"{name}"') for name in names]
    table, key = row._meta.db_table, row._meta.pk
    assert key is not None and set(changed) <= set(names)
    listed = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(values)} '
            f'FROM "{table}", generate_series(1, %s) AS i WHERE "{key.column}" = %s ORDER BY i',
            [count, row.pk],
        )


def teams(count: int, funds: int) -> None:
    """So many workspaces with a person and a wallet each; the n-th wallet is the n-th person's."""
    owner = User.objects.create_user("person0@example.com")
    wallet = open_workspace("Team", owner=owner).wallet
    wallet.grant(funds, cause="benchmark")
    wallet.refresh_from_db()
    many = count - 1
    copy(owner, many, email="'person' || i || '@example.com'")
    copy(wallet.workspace, many, id=as_uuid("workspace"))
    copy(wallet, many, workspace_id=as_uuid("workspace"))


def as_uuid(kind: str) -> str:
    """The same identifier for the same kind and number, so that copies can refer to each other."""
    return f"md5('{kind}' || i)::uuid"


def offset_of_people() -> int:
    """What is to be added to a wallet's number for its person's."""
    return int(
        User.objects.order_by("pk").values_list("pk", flat=True)[0]
        - Wallet.objects.order_by("pk").values_list("pk", flat=True)[0]
    )
