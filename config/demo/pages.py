"""Reads pages as a browser would: forms with the values they already hold, links, messages."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

Attributes = dict[str, str]
# Elements without an end tag; everything else closes what it opened.
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Upload:
    """A file the form demands."""

    name: str
    accept: str


@dataclass
class Form:
    """One form: `values` is what a browser would send if nobody touched it."""

    attributes: Attributes
    values: dict[str, list[str]] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    # Names of everything that can be filled in, sent or not.
    names: set[str] = field(default_factory=set)
    submits: int = 0

    def put(self, name: str, value: str) -> None:
        self.values.setdefault(name, []).append(value)


class Page(HTMLParser):
    """Forms, links, messages and the generation's own element of one page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.generation: Attributes = {}
        self.errors: list[str] = []
        self._form: Form | None = None
        self._select: tuple[Attributes, list[tuple[Attributes, str]]] | None = None
        self._text: list[str] | None = None
        self._textarea: str | None = None
        self._option: Attributes | None = None
        self._error_depth = 0
        self.feed(text)
        self.close()

    def form_with(self, *names: str) -> Form | None:
        return next((form for form in self.forms if form.names.issuperset(names)), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if attributes.get("id") == "generation":
            self.generation = attributes
        if self._error_depth and tag not in VOID:
            self._error_depth += 1
        elif tag not in VOID and self.is_error(attributes):
            self._error_depth = 1
            self.errors.append("")
        start = getattr(self, f"start_{tag}", None)
        if start:
            start(attributes)

    def handle_endtag(self, tag: str) -> None:
        if self._error_depth and tag not in VOID:
            self._error_depth -= 1
        end = getattr(self, f"end_{tag}", None)
        if end:
            end()

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)
        if self._error_depth:
            self.errors[-1] = f"{self.errors[-1]} {data.strip()}".strip()

    @staticmethod
    def is_error(attributes: Attributes) -> bool:
        classes = attributes.get("class", "").split()
        return attributes.get("role") == "alert" or "errorlist" in classes or "error" in classes

    def owner(self, attributes: Attributes) -> Form | None:
        """The form a control belongs to: the one around it, or the one it names."""
        if "disabled" in attributes or not attributes.get("name"):
            return None
        if "form" in attributes:
            return next((f for f in self.forms if f.attributes.get("id") == attributes["form"]), None)
        return self._form

    def start_a(self, attributes: Attributes) -> None:
        if "href" in attributes:
            self.links.append(attributes["href"])

    def start_form(self, attributes: Attributes) -> None:
        self._form = Form(attributes)
        self.forms.append(self._form)

    def end_form(self) -> None:
        self._form = None

    def start_input(self, attributes: Attributes) -> None:
        form = self.owner(attributes)
        if form is None:
            return
        kind, name = attributes.get("type", "text").lower(), attributes["name"]
        if kind in ("submit", "image", "button", "reset"):
            return
        form.names.add(name)
        if kind == "file":
            # A video is optional only where a clip of the gallery may be picked instead.
            if "required" in attributes or "video" in attributes.get("accept", ""):
                form.uploads.append(Upload(name, attributes.get("accept", "")))
        elif kind not in ("checkbox", "radio"):
            form.put(name, attributes.get("value", ""))
        elif "checked" in attributes:
            form.put(name, attributes.get("value", "on"))

    def start_button(self, attributes: Attributes) -> None:
        """Pressing Enter presses the first submit button, and its value is sent along."""
        form = self.owner({"name": "unnamed", **attributes})
        if form is None or attributes.get("type", "submit") != "submit":
            return
        form.submits += 1
        if form.submits == 1 and attributes.get("name"):
            form.put(attributes["name"], attributes.get("value", ""))

    def start_select(self, attributes: Attributes) -> None:
        self._select = (attributes, [])

    def start_option(self, attributes: Attributes) -> None:
        self.end_option()
        self._option, self._text = attributes, []

    def end_option(self) -> None:
        if self._option is not None and self._select is not None:
            self._select[1].append((self._option, "".join(self._text or []).strip()))
        self._option = self._text = None

    def end_select(self) -> None:
        self.end_option()
        attributes, options = self._select or ({}, [])
        self._select = None
        form = self.owner(attributes)
        if form is None:
            return
        form.names.add(attributes["name"])
        values = [(option, option.get("value", text)) for option, text in options if "disabled" not in option]
        chosen = [value for option, value in values if "selected" in option]
        if not chosen and "multiple" not in attributes:
            wanted = [value for _, value in values if value] if "required" in attributes else []
            chosen = (wanted or [value for _, value in values])[:1]
        for value in chosen:
            form.put(attributes["name"], value)

    def start_textarea(self, attributes: Attributes) -> None:
        form = self.owner(attributes)
        self._textarea, self._text = attributes.get("name", ""), []
        if form is not None:
            form.names.add(self._textarea)

    def end_textarea(self) -> None:
        if self._form is not None and self._textarea in self._form.names:
            self._form.put(self._textarea or "", "".join(self._text or []).removeprefix("\n"))
        self._textarea = self._text = None
