"""Collections: whose, what is in them, who may do what, and what they do not tell."""

import uuid
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from generations import collecting, orders, sharing
from generations.models import Collection, CollectionItem, Generation, Visibility
from generations.views import collections
from tests.clips import finished
from tests.generations.test_lists import queries
from tests.world import World, order

LIST, ADD = reverse("generations:collections"), reverse("generations:collect")


def address(collection: Collection, name: str = "collection") -> str:
    return reverse(f"generations:{name}", args=[collection.pk])


def cards(client: Any, collection: Collection, **query: str) -> list[uuid.UUID]:
    return [each.pk for each in client.get(address(collection), query).context["cards"]]


def inside(collection: Collection) -> set[uuid.UUID]:
    return set(CollectionItem.objects.filter(collection=collection).values_list("generation", flat=True))


def clips(world: World, count: int) -> list[Generation]:
    return [orders.place(world.alice, order(world.alice))[0] for _ in range(count)]


@pytest.fixture
def spring(world: World) -> Collection:
    return collecting.create(world.alice, "Spring")


# ── Making, naming, ending ──────────────────────────────────────────────────────────────────────


def test_a_maker_makes_names_and_ends_one_and_its_clips_stay(world: World, client_of: Any) -> None:
    bob = client_of("bob")
    bob.post(LIST, {"name": "  Harbour \n at  dawn "})
    made = Collection.objects.get()
    assert (made.name, made.author, made.workspace) == (
        "Harbour at dawn",
        world.bob.user,
        world.bob.workspace,
    )
    clip = clips(world, 1)[0]
    bob.post(ADD, {"collection": made.pk, "clips": [clip.pk]})
    alice = client_of("alice")
    alice.post(address(made, "rename_collection"), {"name": "Dusk"})
    made.refresh_from_db()
    assert made.name == "Dusk"
    assert alice.post(address(made, "delete_collection")).status_code == 302
    assert not Collection.objects.exists()
    assert Generation.objects.filter(pk=clip.pk).exists()
    told = AuditEvent.objects.filter(verb__startswith="collection.").order_by("pk")
    assert [(each.verb, each.before, each.after) for each in told] == [
        ("collection.created", None, {"name": "Harbour at dawn"}),
        ("collection.renamed", {"name": "Harbour at dawn"}, {"name": "Dusk"}),
        ("collection.deleted", {"name": "Dusk"}, None),
    ]


@pytest.mark.parametrize("name", ["Spring", "spring", " SPRING "])
def test_a_name_that_is_taken_is_told_at_its_field_and_nothing_typed_is_lost(
    world: World, client_of: Any, spring: Collection, name: str
) -> None:
    other = collecting.create(world.bob, "Autumn")
    for where in (LIST, address(other, "rename_collection")):
        answer = client_of("alice").post(where, {"name": name})
        assert answer.status_code == 422
        assert "There is a collection" in answer.context["form"].errors["name"][0]
        assert f'value="{name}"' in answer.content.decode()
    assert set(Collection.objects.values_list("name", flat=True)) == {"Spring", "Autumn"}


def test_two_workspaces_may_use_the_same_name(world: World, client_of: Any, spring: Collection) -> None:
    assert client_of("eve").post(LIST, {"name": "Spring"}).status_code == 302
    assert Collection.objects.filter(name="Spring").count() == 2


@pytest.mark.both_databases
def test_of_two_who_take_a_name_at_once_one_is_told(world: World, spring: Collection) -> None:
    with pytest.raises(collecting.NameTaken):
        collecting.create(world.bob, "Spring")
    other = collecting.create(world.bob, "Autumn")
    with pytest.raises(collecting.NameTaken):
        collecting.rename(world.bob, other, "Spring")
    stale = Collection.objects.get(pk=other.pk)
    collecting.rename(world.bob, other, "Winter")
    with pytest.raises(collecting.Gone):
        collecting.rename(world.alice, stale, "Summer")


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_an_empty_name_and_a_long_one_are_refused(world: World, client_of: Any, name: str) -> None:
    assert client_of("alice").post(LIST, {"name": name}).status_code == 422
    assert not Collection.objects.exists()


def test_a_name_may_stay_or_change_its_capitals(world: World, client_of: Any, spring: Collection) -> None:
    for name in ("Spring", "SPRING"):
        assert (
            client_of("alice").post(address(spring, "rename_collection"), {"name": name}).status_code == 302
        )
    spring.refresh_from_db()
    assert spring.name == "SPRING"


# ── Putting in, taking out ──────────────────────────────────────────────────────────────────────


@pytest.mark.both_databases
def test_several_clips_go_in_at_once_and_none_twice(world: World, client_of: Any, spring: Collection) -> None:
    one, two, three = clips(world, 3)
    bob = client_of("bob")
    bob.post(ADD, {"collection": spring.pk, "clips": [one.pk, two.pk]})
    bob.post(ADD, {"collection": spring.pk, "clips": [two.pk, three.pk, three.pk]})
    assert CollectionItem.objects.filter(collection=spring).count() == 3
    assert cards(bob, spring)[-2:] in ([two.pk, one.pk], [one.pk, two.pk])
    bob.post(address(spring, "uncollect"), {"clips": [one.pk, three.pk]})
    assert inside(spring) == {two.pk}


def test_a_new_collection_is_made_on_the_way(world: World, client_of: Any, spring: Collection) -> None:
    clip, alice = clips(world, 1)[0], client_of("alice")
    alice.post(ADD, {"name": "For the client", "clips": [clip.pk]})
    assert inside(Collection.objects.get(name="For the client")) == {clip.pk}
    alice.post(ADD, {"name": "spring", "clips": [clip.pk]})  # one that is there is meant
    assert inside(spring) == {clip.pk}


def test_the_way_back_leads_to_our_own_pages_only(world: World, client_of: Any, spring: Collection) -> None:
    clip, alice = clips(world, 1)[0], client_of("alice")
    data = {"collection": str(spring.pk), "clips": [str(clip.pk)]}
    assert alice.post(ADD, data | {"back": "/gallery/?whose=team"})["Location"] == "/gallery/?whose=team"
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert alice.post(ADD, data | {"back": elsewhere})["Location"] == address(spring)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "clips"),
        ({"clips": ["x"]}, "clips"),
        ({"clips": [str(uuid.uuid4())]}, "clips"),
        ({"clips": "own"}, "collection"),
        ({"clips": "own", "collection": "x"}, "collection"),
        ({"clips": "own", "collection": str(uuid.uuid4())}, "collection"),
        ({"clips": "own", "collection": "own", "name": "Another"}, "name"),
        ({"clips": "own", "name": "x" * 81}, "name"),
    ],
)
def test_what_is_missing_or_wrong_is_told_at_its_field(
    world: World, client_of: Any, spring: Collection, given: dict[str, Any], field: str
) -> None:
    clip = clips(world, 1)[0]
    data = dict(given)
    if data.get("clips") == "own":
        data["clips"] = [str(clip.pk)]
    if data.get("collection") == "own":
        data["collection"] = str(spring.pk)
    answer = client_of("alice").post(ADD, data)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    if given.get("clips") == "own":
        assert f'value="{clip.pk}" checked' in answer.content.decode()
    assert not CollectionItem.objects.exists()
    assert Collection.objects.count() == 1


def test_the_gallery_shows_what_is_in_a_collection(world: World, client_of: Any, spring: Collection) -> None:
    one, two = clips(world, 2)
    collecting.put_in(world.alice, spring, [one])
    alice, gallery = client_of("alice"), reverse("generations:gallery")
    assert [each.pk for each in alice.get(gallery, {"collection": spring.pk}).context["cards"]] == [one.pk]
    for odd in ("x", str(uuid.uuid4())):
        assert alice.get(gallery, {"collection": odd}).context["cards"] == []
    assert {each.pk for each in alice.get(gallery).context["cards"]} == {one.pk, two.pk}


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────


def changes(collection: Collection, clip: Generation) -> dict[str, dict[str, Any]]:
    """Everything that changes something, by its address."""
    return {
        LIST: {"name": "Mine"},
        ADD: {"collection": str(collection.pk), "clips": [str(clip.pk)]},
        address(collection, "rename_collection"): {"name": "Mine"},
        address(collection, "uncollect"): {"clips": [str(clip.pk)]},
        address(collection, "delete_collection"): {},
    }


def snapshot() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Collection, CollectionItem, AuditEvent)]


def test_a_viewer_sees_and_changes_nothing(world: World, client_of: Any, spring: Collection) -> None:
    clip, vera = clips(world, 1)[0], client_of("vera")
    collecting.put_in(world.alice, spring, [clip])
    assert cards(vera, spring) == [clip.pk]
    assert "Spring" in vera.get(LIST).content.decode()
    before = snapshot()
    for where, data in changes(spring, clip).items():
        assert vera.post(where, data).status_code == 403, where
        assert vera.get(reverse("generations:gallery"), {"whose": "team"}).status_code == 200
    assert snapshot() == before
    for page in (LIST, address(spring), reverse("generations:detail", args=[clip.pk])):
        shown = vera.get(page).content.decode()
        assert 'action="/collections/' not in shown


def test_a_stranger_finds_nothing_and_changes_nothing(
    world: World, client_of: Any, spring: Collection
) -> None:
    clip, eve = clips(world, 1)[0], client_of("eve")
    collecting.put_in(world.alice, spring, [clip])
    own = collecting.create(world.eve, "Own")
    before = snapshot()
    assert "Spring" not in eve.get(LIST).content.decode()
    assert eve.get(address(spring)).status_code == 404
    expected = {ADD: 422, LIST: None}
    for where, data in changes(spring, clip).items():
        if (status := expected.get(where, 404)) is not None:
            assert eve.post(where, data).status_code == status, where
    # Half foreign: her own collection with our clip, our collection with her own clip.
    hers = orders.place(world.eve, order(world.eve))[0]
    before = snapshot()
    assert eve.post(ADD, {"collection": own.pk, "clips": [hers.pk, clip.pk]}).status_code == 422
    assert eve.post(ADD, {"collection": spring.pk, "clips": [hers.pk]}).status_code == 422
    assert eve.post(address(own, "uncollect"), {"clips": [clip.pk]}).status_code == 302
    assert snapshot() == before
    shown = eve.get(reverse("generations:gallery"), {"collection": spring.pk, "whose": "team"})
    assert shown.context["cards"] == []
    assert "Spring" not in shown.content.decode()


def test_a_private_clip_in_a_collection_is_its_authors_alone(
    world: World, client_of: Any, spring: Collection
) -> None:
    secret, open_one = finished(world), finished(world)
    collecting.put_in(world.alice, spring, [open_one, secret])
    assert sharing.set_visibility(world.alice, secret, Visibility.PRIVATE)
    binned = finished(world)
    collecting.put_in(world.alice, spring, [binned])
    Generation.objects.filter(pk=binned.pk).update(deleted_at=timezone.now())
    assert cards(client_of("alice"), spring) == [secret.pk, open_one.pk]
    for who in ("bob", "vera"):
        assert cards(client_of(who), spring) == [open_one.pk]
    for who, count, cover in [("alice", 2, secret), ("bob", 1, open_one), ("vera", 1, open_one)]:
        (listed,) = client_of(who).get(LIST).context["collections"]
        assert (listed.count, listed.cover) == (count, cover.pk), who
    answer = client_of("bob").post(ADD, {"collection": spring.pk, "clips": [secret.pk]})
    assert answer.status_code == 422
    client_of("bob").post(address(spring, "uncollect"), {"clips": [secret.pk]})
    assert secret.pk in inside(spring)


def test_a_token_is_asked_for(world: World, spring: Collection) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.alice.user)
    clip = clips(world, 1)[0]
    before = snapshot()
    for where, data in changes(spring, clip).items():
        assert client.post(where, data).status_code == 403, where
    visibility = reverse("generations:visibility", args=[clip.pk])
    assert client.post(visibility, {"visibility": "private"}).status_code == 403
    assert snapshot() == before


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.both_databases
def test_a_collection_pages_through_everything_once(
    world: World, client_of: Any, spring: Collection, monkeypatch: Any
) -> None:
    monkeypatch.setattr(collections, "PAGE", 3)
    placed = clips(world, 8)
    for each in placed:
        collecting.put_in(world.alice, spring, [each])
    seen, after, bob = [], "", client_of("bob")
    while True:
        context = bob.get(address(spring), {"after": after}).context
        seen += [each.pk for each in context["cards"]]
        after = context["next"]
        if not after:
            break
    assert seen == [each.pk for each in reversed(placed)]


@pytest.mark.both_databases
def test_the_list_pages_through_everything_once(world: World, client_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(collections, "SHELF", 3)
    names = {collecting.create(world.alice, f"Scene {number}").name for number in range(8)}
    seen, after, bob = [], "", client_of("bob")
    while True:
        context = bob.get(LIST, {"after": after}).context
        seen += [each.name for each in context["collections"]]
        after = context["next"]
        if not after:
            break
    assert sorted(seen) == sorted(names)


def test_an_odd_cursor_is_the_first_page(world: World, client_of: Any, spring: Collection) -> None:
    clip = clips(world, 1)[0]
    collecting.put_in(world.alice, spring, [clip])
    text = signing.dumps("Spring", salt=collections.CURSOR_SALT)
    number = signing.dumps(7, salt=collections.CURSOR_SALT)
    for odd in ("x", text):
        assert cards(client_of("bob"), spring, after=odd) == [clip.pk]
    for odd in ("x", number):
        assert len(client_of("bob").get(LIST, {"after": odd}).context["collections"]) == 1


@pytest.mark.breaks_invariants
def test_pages_cost_the_same_queries_for_ten_and_two_hundred(world: World, client_of: Any) -> None:
    alice = client_of("alice")
    first = collecting.create(world.alice, "All")
    clip = finished(world)
    detail = reverse("generations:detail", args=[clip.pk])
    pages = [LIST, address(first), reverse("generations:gallery"), detail]
    counts = []
    for so_many in (10, 190):
        made = [
            Collection(workspace=world.alice.workspace, author=world.alice.user, name=f"{so_many} {number}")
            for number in range(so_many)
        ]
        Collection.objects.bulk_create(made)
        more = Generation.objects.bulk_create(copies(clip, so_many))
        items = [(each, clip) for each in made] + [(first, each) for each in more]
        CollectionItem.objects.bulk_create(
            CollectionItem(collection=shelf, generation=each, added_by=world.alice.user)
            for shelf, each in items
        )
        counts.append([queries(alice, page) for page in pages])
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 18


def copies(clip: Generation, count: int) -> list[Generation]:
    """Rows for lists, without the books that belong to them."""
    made = []
    for _ in range(count):
        each = Generation.objects.get(pk=clip.pk)
        each.pk, each.form_key, each.hold, each.clip = uuid.uuid4(), uuid.uuid4(), None, None
        each.state, each.reason = "cancelled", "denied"
        made.append(each)
    return made


def test_a_menu_on_a_card_leads_back_to_the_page_it_is_in(world: World, client_of: Any) -> None:
    clip = clips(world, 1)[0]
    alice, mount = client_of("alice"), f"/w/{world.alice.workspace.pk}"
    page = f"{mount}/gallery/?state=open"
    assert f'name="back" value="{page}"' in alice.get(page).content.decode()
    htmx = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    known = {"c": f"{clip.pk}:another"}
    fresh = alice.get(f"{mount}/live/", known, headers=htmx).content.decode()
    assert f'name="back" value="{page}"' in fresh
    assert 'form="pick"' in fresh
    htmx["HX-Current-URL"] = f"http://testserver{mount}/queue/"
    assert 'form="pick"' not in alice.get(f"{mount}/live/", known, headers=htmx).content.decode()
