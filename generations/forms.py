"""The create form, built from a catalogue entry. Pages and API validate with it alike."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict

from accounts.policy import Actor
from generations.catalogue import Endpoint, Field, Kind
from generations.media import intake
from generations.media.crop import crop
from generations.models import EndpointSwitch, Generation, Upload
from generations.orders import Order, price
from generations.prices import Quote

MAX_TAKES = 4
# How a switch may be written.
WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False, "": False}
# For what no person fills in: the page that is shown again carries it anew.
INCOMPLETE = "This form was not complete when it was sent; please look at the price and send it again."


class MediaInput(forms.FileInput):
    """New files, files sent before (`<name>_upload`) and clips of the gallery (`<name>_clip`)."""

    allow_multiple_selected = True

    def value_from_datadict(
        self, data: Mapping[str, Any], files: "MultiValueDict[str, Any]", name: str
    ) -> dict[str, list[Any]]:
        """All three, in the order they were given."""

        def many(source: Any, key: str) -> list[Any]:
            values = source.getlist(key) if hasattr(source, "getlist") else source.get(key) or []
            return [value for value in (values if isinstance(values, list) else [values]) if value]

        return {
            "uploads": many(data, f"{name}_upload"),
            "clips": many(data, f"{name}_clip"),
            "files": many(files, name),
        }

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: an empty value is a value with three empty lists."""
        return False


class MediaField(forms.Field):
    """One or several uploads of the actor's workspace. `kept` survives any error elsewhere."""

    widget = MediaInput

    def __init__(self, described: Field, actor: Actor, **options: Any) -> None:
        self.described, self.actor = described, actor
        self.most = int(described.maximum or 1)
        self.kept: list[Upload] = []
        super().__init__(required=described.required, **options)

    @property
    def upload_kind(self) -> Upload.Kind:
        """Pictures or video."""
        return Upload.Kind.VIDEO if self.described.kind == Kind.VIDEO else Upload.Kind.IMAGE

    def clean(self, value: dict[str, list[Any]]) -> list[Upload]:
        """The uploads, new ones stored. What was good stays in `kept` even when something else was not."""
        errors: list[ValidationError] = []
        sources = (
            [(self._known, each) for each in value["uploads"]]
            + [(self._clip, each) for each in value["clips"]]
            + [(self._receive, each) for each in value["files"]]
        )
        # One kept, one picked and one new for each place: more is not worth the work of reading it.
        readable = 3 * self.most
        self.kept = self._gather(errors, sources[:readable])
        if self.most == 1:
            self.kept = self.kept[-1:]  # a newly chosen file replaces the one before
        if len(self.kept) > self.most or len(sources) > readable:
            errors.append(ValidationError(f"Up to {self.most} files; take some away.", code="too_many"))
        if errors:
            raise ValidationError(errors)
        if self.required and not self.kept:
            raise ValidationError(f"{self.described.label} is missing.", code="required")
        return self.kept

    def keep(self, upload_ids: Iterable[str]) -> None:
        """Show these uploads as chosen already; ids of anything else are passed over."""
        ids = [key for key in map(as_uuid, upload_ids) if key]
        fitting = Upload.objects.visible_to(self.actor).filter(pk__in=ids, kind=self.upload_kind)
        known = {each.pk: each for each in fitting} if ids else {}
        self.kept = [known[key] for key in ids if key in known][: self.most]

    def _gather(
        self, errors: list[ValidationError], sources: Iterable[tuple[Callable[[Any], Upload], Any]]
    ) -> list[Upload]:
        found: dict[uuid.UUID, Upload] = {}
        for take, given in sources:
            try:
                upload = take(given)
            except ValidationError as error:
                errors.append(error)
            else:
                found.setdefault(upload.pk, upload)
        return list(found.values())

    def _known(self, given: str) -> Upload:
        mine = Upload.objects.visible_to(self.actor).filter(kind=self.upload_kind)
        upload = mine.filter(pk=key).first() if (key := as_uuid(given)) else None
        if upload is None:
            raise ValidationError("This upload does not exist.", code="invalid")
        return upload

    def _clip(self, given: str) -> Upload:
        mine = Generation.objects.visible_to(self.actor).select_related("clip")
        generation = mine.filter(pk=key).first() if (key := as_uuid(given)) else None
        if generation is None or self.upload_kind != Upload.Kind.VIDEO:
            raise ValidationError("This clip does not exist.", code="invalid")
        return intake.from_clip(generation, self.actor)

    def _receive(self, file: Any) -> Upload:
        try:
            return intake.receive(file, self.upload_kind, self.actor)
        except ValidationError as error:
            raise ValidationError(f"{file.name}: {' '.join(error.messages)}", code="file") from error


class GenerationForm(forms.Form):
    """All inputs of one endpoint under fal's parameter names, plus what an order needs."""

    form_key = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), INCOMPLETE)
    )
    quoted = forms.IntegerField(
        widget=forms.HiddenInput,
        min_value=0,
        error_messages=dict.fromkeys(("required", "invalid", "min_value"), INCOMPLETE),
    )
    takes = forms.TypedChoiceField(
        label="Takes",
        choices=[(number, str(number)) for number in range(1, MAX_TAKES + 1)],
        coerce=int,
        initial=1,
        widget=forms.RadioSelect,
        help_text="Several takes of the same shot, each with its own seed.",
    )
    remix_of = forms.UUIDField(widget=forms.HiddenInput, required=False)
    # Where the form was drawn: another tab may have changed the workspace since, and with it who pays.
    drawn_in = forms.UUIDField(widget=forms.HiddenInput, required=False)
    # Values of other tabs that do not fit here: kept so that going back finds them.
    parked = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100_000)

    def __init__(self, endpoint: Endpoint, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.endpoint, self.actor = endpoint, actor
        self.switch = EndpointSwitch.of(endpoint.id)
        self.initial.setdefault("form_key", uuid.uuid4())
        self.initial["drawn_in"] = actor.workspace.pk
        for described in endpoint.fields:
            field = self._field(described)
            field.described = described  # type: ignore[attr-defined]  # templates choose a partial by it
            self.fields[described.name] = field
            if isinstance(field, MediaField) and not self.is_bound:
                field.keep(self.initial.get(described.name) or [])
        if not self.is_bound:
            self.initial["quoted"] = self.quote().total

    def _field(self, described: Field) -> forms.Field:
        if described.kind.is_media:
            return MediaField(described, self.actor, label=described.label, help_text=described.help)
        common: dict[str, Any] = {
            "label": described.label,
            "help_text": described.help,
            "required": described.required,
            "initial": described.default,
        }
        return BUILDERS[described.kind](described, common, self.offered(described))

    def offered(self, described: Field) -> tuple[str, ...]:
        """The choices of a field here and now."""
        return described.choices + (described.older_choices if self.switch.older_choices else ())

    def clean_remix_of(self) -> uuid.UUID | None:
        """Only a clip that the actor may see; a foreign id is quietly no remix."""
        key: uuid.UUID | None = self.cleaned_data["remix_of"]
        if key and Generation.objects.visible_to(self.actor).filter(pk=key).exists():
            return key
        return None

    def fal_input(self) -> dict[str, Any]:
        """The validated input: fal's names, uploads as ids, nothing that was left empty.

        A text emptied although fal has a default is sent empty: left out, the default would return.
        """
        values: dict[str, Any] = {}
        for described in self.endpoint.fields:
            value = self.cleaned_data[described.name]
            if described.kind == Kind.IMAGES:
                values[described.name] = [str(each.pk) for each in value]
            elif described.kind.is_media:
                values[described.name] = str(value[0].pk)
            elif value not in (None, "") or (value == "" and described.default):
                values[described.name] = value
        return values

    def order(self) -> Order:
        """The order a valid form stands for."""
        data = self.cleaned_data
        return Order(
            endpoint=self.endpoint,
            input=self.fal_input(),
            takes=data["takes"],
            form_key=data["form_key"],
            quoted=data["quoted"],
            remix_of=data["remix_of"],
            drawn_in=data["drawn_in"],
        )

    def quote(self) -> Quote:
        """The price of the form as it stands."""
        return price(self.endpoint, self.priced_values, self.chosen_takes)

    @property
    def priced_values(self) -> dict[str, Any]:
        """What the price depends on, valid or not: what cannot be read counts as the default."""
        values: dict[str, Any] = {}
        for name in ("duration", "resolution", "generate_audio"):
            described = self.endpoint.field(name)
            if described is None:
                continue
            value = self[name].value()
            fits = value in ((True, False) if described.kind == Kind.SWITCH else self.offered(described))
            values[name] = value if fits else described.default
        return values

    @property
    def chosen_takes(self) -> int:
        """1 to 4, whatever was sent."""
        try:
            return min(MAX_TAKES, max(1, int(self["takes"].value())))
        except (TypeError, ValueError):
            return 1

    def show_again(self, *, new_key: bool = False) -> None:
        """Make a validated form ready for its next page: files by their ids, today's price, a usable key.

        Its errors stay. A picked clip is an upload by now; picked again it would displace a newer file.
        """
        assert isinstance(self.data, MultiValueDict)
        data = MultiValueDict({name: self.data.getlist(name) for name in self.data})
        for name, field in self.fields.items():
            if isinstance(field, MediaField):
                data.setlist(f"{name}_upload", [str(each.pk) for each in field.kept])
                data.setlist(f"{name}_clip", [])
        data.setlist("quoted", [str(self.quote().total)])
        data.setlist("drawn_in", [str(self.actor.workspace.pk)])
        if new_key or "form_key" in self.errors:
            data.setlist("form_key", [str(uuid.uuid4())])
        self.data, self.files = data, MultiValueDict()

    def warnings(self) -> dict[str, list[str]]:
        """What is accepted but may disappoint, by field: soft pictures, and what will be cut away."""
        ratio = str(self["aspect_ratio"].value()) if "aspect_ratio" in self.fields else ""
        return {
            name: [text for upload in field.kept for text in _doubts(upload, field.described, ratio)]
            for name, field in self.fields.items()
            if isinstance(field, MediaField)
        }


def _doubts(upload: Upload, described: Field, ratio: str) -> list[str]:
    texts = []
    if described.min_height and min(upload.width, upload.height) < described.min_height:
        texts.append(
            f"{upload.width} × {upload.height} is below {described.min_height}p: the clip may look soft."
        )
    if ratio and upload.kind == Upload.Kind.IMAGE and described.kind == Kind.IMAGE:
        cut = crop(upload.width, upload.height, ratio)
        if cut.percent:
            texts.append(f"About {cut.percent} % will be cut at the {cut.sides} to fit {cut.ratio}.")
    return texts


def _text(described: Field, common: dict[str, Any], choices: tuple[str, ...]) -> forms.Field:
    rows = 2 if described.advanced else 4
    return _Text(max_length=described.max_length, widget=forms.Textarea(attrs={"rows": rows}), **common)


def _choice(described: Field, common: dict[str, Any], choices: tuple[str, ...]) -> forms.Field:
    labels = dict(described.labels)
    return forms.ChoiceField(
        choices=[(value, labels.get(value, value)) for value in choices],
        widget=forms.RadioSelect,
        **(common | {"required": True}),  # on pages a radio is always chosen
    )


def _switch(described: Field, common: dict[str, Any], choices: tuple[str, ...]) -> forms.Field:
    return _Switch(**(common | {"required": False}))


def _integer(described: Field, common: dict[str, Any], choices: tuple[str, ...]) -> forms.Field:
    least = None if described.minimum is None else int(described.minimum)
    most = None if described.maximum is None else int(described.maximum)
    return _Integer(min_value=least, max_value=most, **common)


def _number(described: Field, common: dict[str, Any], choices: tuple[str, ...]) -> forms.Field:
    least = None if described.minimum is None else float(described.minimum)
    most = None if described.maximum is None else float(described.maximum)
    return _Number(
        min_value=least, max_value=most, widget=forms.NumberInput(attrs={"step": "0.05"}), **common
    )


BUILDERS: dict[Kind, Callable[[Field, dict[str, Any], tuple[str, ...]], forms.Field]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.SWITCH: _switch,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
}


class _Text(forms.CharField):
    """Lines end as people count them, and every character can be stored and sent."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not isinstance(text, str):
            return text
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValidationError("This text holds half a character; write it again.", code="invalid")
        return text.replace("\r\n", "\n").replace("\r", "\n")


class _Integer(forms.IntegerField):
    def to_python(self, value: Any) -> Any:
        return super().to_python(_plain(value))


class _Number(forms.FloatField):
    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(_plain(value))
        except OverflowError as error:  # a whole number of JSON may have any length
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


def _plain(value: Any) -> Any:
    """Python reads `1_0` and digits of every script as numbers; nobody who types them means to."""
    if isinstance(value, str) and not re.fullmatch(r"[-+.0-9eE]*", value.strip()):
        raise ValidationError("Write a number with the digits 0 to 9.", code="invalid")
    return value


class _Tick(forms.CheckboxInput):
    """A word that is neither yes nor no stays what it is, for the field to refuse: it decides the price."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        value = data.get(name, False)
        return WORDS.get(value.lower(), value) if isinstance(value, str) else value


class _Switch(forms.BooleanField):
    widget = _Tick

    def to_python(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Choose on or off.", code="invalid")
        return value


def as_uuid(given: object) -> uuid.UUID | None:
    """A UUID, or None when it is not written as one."""
    try:
        return uuid.UUID(str(given))
    except ValueError:
        return None


def unpark(text: str) -> dict[str, Any]:
    """The parked values of a form; anything odd is none."""
    try:
        values = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
