"""What the gallery is asked for: its filter, who sees a clip, a collection's name, what goes into one."""

import uuid
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from accounts.policy import Actor
from generations.catalogue import Mode
from generations.forms import as_uuid
from generations.models import OPEN, Collection, Generation, State, Visibility
from generations.models.generation import GenerationQuerySet

# So many clips are put into a collection, or taken out of it, at once: more than a page has.
MOST_CHOSEN = 60
NO_CLIP = "A clip that you chose is not there any more."


def _collections(request: HttpRequest | None) -> "QuerySet[Collection]":
    actor = getattr(request, "actor", None)
    return Collection.objects.visible_to(actor) if actor else Collection.objects.none()


class GalleryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """The address of a gallery is its filter."""

    q = django_filters.CharFilter(field_name="prompt", lookup_expr="icontains", label="Search prompts")
    mode = django_filters.ChoiceFilter(
        choices=[(mode.value, mode.label) for mode in Mode], empty_label="Every mode", label="Mode"
    )
    state = django_filters.ChoiceFilter(
        choices=[("ready", "Ready"), ("open", "In progress"), ("ended", "Failed or cancelled")],
        empty_label="Every state",
        method="in_state",
        label="State",
    )
    collection = django_filters.ModelChoiceFilter(
        field_name="collections", queryset=_collections, empty_label="Every collection", label="Collection"
    )

    class Meta:
        model = Generation
        fields: list[str] = []

    def in_state(self, queryset: "QuerySet[Generation]", name: str, value: str) -> "QuerySet[Generation]":
        """Three groups a person thinks in."""
        groups = {"ready": [State.SUCCEEDED], "open": list(OPEN), "ended": [State.FAILED, State.CANCELLED]}
        return queryset.filter(state__in=groups[value])

    @property
    def by(self) -> str:
        """What it filters by, for people; empty when that is nothing, for all that the address says."""
        form = self.form
        form.is_valid()
        given = form.cleaned_data
        words = [f"“{given['q']}”"] if given.get("q") else []
        for name in ("state", "mode"):
            labels = dict(form.fields[name].choices)
            words += [labels[given[name]]] if given.get(name) else []
        if "collection" in form.errors:
            words.append("a collection that is not there")
        elif shelf := given.get("collection"):
            words.append(f"the collection “{shelf}”")
        return ", ".join(words)

    @property
    def found(self) -> GenerationQuerySet:
        """What fits. A collection that is not there has no clips; other words without meaning do nothing."""
        clips: GenerationQuerySet = self.qs
        return clips.none() if "collection" in self.form.errors else clips


class VisibilityForm(forms.Form):
    """Who shall see a clip."""

    visibility = forms.ChoiceField(
        label="Visible to",
        choices=Visibility.choices,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose who shall see this clip."),
    )


class _Name(forms.CharField):
    """As people read it: spaces are one, and there are none at the ends."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return " ".join(text.split()) if isinstance(text, str) else text


class CollectionForm(forms.Form):
    """A collection's name, of which the workspace has no other."""

    name = _Name(
        label="Name",
        max_length=80,
        error_messages={"required": "Give it a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, actor: Actor, *args: Any, besides: Collection | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.actor, self.besides = actor, besides

    def clean_name(self) -> str:
        """Capitals make no other name; what comes in between two looks is refused by the database."""
        name: str = self.cleaned_data["name"]
        others = Collection.objects.visible_to(self.actor).filter(name__iexact=name)
        if self.besides:
            others = others.exclude(pk=self.besides.pk)
        if others.exists():
            raise _taken(name)
        return name

    def refuse(self, name: str) -> None:
        """Somebody took the name meanwhile."""
        self.add_error("name", _taken(name))


def _taken(name: str) -> ValidationError:
    return ValidationError("There is a collection “%(name)s” already.", code="taken", params={"name": name})


class _Keys(forms.MultipleChoiceField):
    """Ids of anything; which of them are there is asked for all of them at once."""

    def valid_value(self, value: Any) -> bool:
        return as_uuid(value) is not None


class ClipsForm(forms.Form):
    """Some clips that the actor sees."""

    clips = _Keys(
        error_messages={"required": "Choose at least one clip.", "invalid_choice": NO_CLIP},
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, actor: Actor, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.actor = actor

    def clean_clips(self) -> list[Generation]:
        """Those of the actor's gallery; one that is not there refuses all: nothing is done by halves."""
        keys = {uuid.UUID(each) for each in self.cleaned_data["clips"]}
        if len(keys) > MOST_CHOSEN:
            raise ValidationError(f"Choose up to {MOST_CHOSEN} clips at once.", code="too_many")
        seen = list(Generation.objects.visible_to(self.actor).filter(pk__in=keys))
        if len(seen) < len(keys):
            raise ValidationError(NO_CLIP, code="invalid")
        return seen

    @property
    def chosen(self) -> list[Generation]:
        """What was chosen and is there, to show it again."""
        given = self.data.getlist("clips") if isinstance(self.data, QueryDict) else []
        keys = [key for key in map(as_uuid, given[:MOST_CHOSEN]) if key]
        return list(Generation.objects.visible_to(self.actor).filter(pk__in=keys).for_cards())


class CollectForm(ClipsForm):
    """Some clips, and where they go: a collection that is there, or a new one."""

    collection = forms.ModelChoiceField(
        queryset=Collection.objects.none(),
        required=False,
        empty_label="Choose a collection",
        error_messages={"invalid_choice": "This collection does not exist."},
    )
    name = _Name(label="or a new one", max_length=80, required=False)

    def __init__(self, actor: Actor, *args: Any, **options: Any) -> None:
        super().__init__(actor, *args, **options)
        field = self.fields["collection"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Collection.objects.visible_to(actor)

    def clean(self) -> dict[str, Any]:
        """One of the two. A name that is taken is that collection."""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        if data["collection"] and data["name"]:
            self.add_error("name", "Choose a collection or name a new one, not both.")
        elif data["name"]:
            same = Collection.objects.visible_to(self.actor).filter(name__iexact=data["name"])
            data["collection"] = same.first()
        elif not data["collection"]:
            self.add_error("collection", "Choose a collection, or name a new one.")
        return data
