"""Where ids come in: in paths, queries, forms and JSON. What looks like one and is not here fails a test.

A word of a path is declared by its row in `table.py`. Here stand the names that views read from a query or
a form, and the fields of forms.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"get", "getlist", "pop", "keys"}


@dataclass(frozen=True)
class Entrance:
    """`name` names a `thing` when sent to `address` by `method`, with whatever else makes that valid."""

    address: str
    method: str
    name: str
    thing: str
    # What a foreign id is answered: `invalid` when it is not there or not valid, `ignored` as if nothing had
    # been sent, `told` by a sentence after a redirect, `taken` when the sender made it up and may not.
    answer: str = "invalid"
    form: str = "{id}"
    # What else makes it valid: the reader's own things in it, and in the path.
    more: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)
    # A body of the API, with `{id}` where it goes; empty for a form.
    json: str = ""


CREATE, COLLECT = "generations:create", "generations:collect"
ORDER = (
    '{"endpoint": "fal-ai/veo3.1/lite/image-to-video", "input": {"prompt": "A pier", "image_url": "{id}"}}'
)
LONGER = '{"endpoint": "fal-ai/veo3.1/extend-video", "input": {"prompt": "A pier", "video_url": "{id}"}}'
FRAMES = (
    '{"endpoint": "fal-ai/veo3.1/lite/first-last-frame-to-video", "input":'
    ' {"prompt": "A pier", "first_frame_url": "{id}", "last_frame_url": "{id}"}}'
)
SEVERAL = (
    '{"endpoint": "fal-ai/veo3.1/reference-to-video", "input": {"prompt": "A pier", "image_urls": ["{id}"]}}'
)
BUDGET = {"most": "5", "beyond": "refuse"}
TOKEN = {"name": "x", "scopes": "generations:read"}
ENTRANCES = (
    Entrance(CREATE, "GET", "remix", "clip", "ignored"),
    Entrance(CREATE, "GET", "extend", "clip", "ignored"),
    Entrance(CREATE, "POST", "remix_of", "clip", "ignored"),
    Entrance(CREATE, "POST", "drawn_in", "workspace"),
    Entrance(CREATE, "POST", "image_url_upload", "upload"),
    Entrance(CREATE, "POST", "video_url_upload", "video"),
    Entrance(CREATE, "POST", "video_url_clip", "clip"),
    Entrance("generations:live", "GET", "c", "clip", "ignored", "{id}:other"),
    Entrance("generations:gallery", "GET", "collection", "collection", "ignored"),
    Entrance(COLLECT, "POST", "clips", "clip", more={"name": "Others"}),
    Entrance(COLLECT, "POST", "clips", "clip", more={"collection": "{collection}"}),
    Entrance(COLLECT, "POST", "collection", "collection", more={"clips": "{clip}"}),
    Entrance("generations:uncollect", "POST", "clips", "clip", "told", at={"pk": "collection"}),
    Entrance("generations:budgets", "POST", "who", "person", form="member:{id}", more=BUDGET),
    Entrance("generations:budgets", "POST", "who", "token", form="token:{id}", more=BUDGET),
    Entrance("accounts:transfer", "POST", "member", "member"),
    Entrance("accounts:tokens", "POST", "key", "token", "taken", more=TOKEN),
    Entrance("api:generations", "POST", "input.image_url", "upload", json=ORDER),
    Entrance("api:generations", "POST", "input.video_url", "video", json=LONGER),
    Entrance("api:generations", "POST", "input.first_frame_url", "upload", json=FRAMES),
    Entrance("api:generations", "POST", "input.image_urls", "upload", json=SEVERAL),
    Entrance("api:quotes", "POST", "input.image_url", "upload", json=ORDER),
    Entrance("api:uploads", "POST", "generation", "clip"),
)
# Every other word that a view or a form of ours reads, none of which names anybody's object.
NO_IDS = {
    "q", "mode", "state", "whose", "after", "quality", "endpoint", "prompt", "to", "requote", "next",
    "download", "detail", "verb", "since", "until", "act", "csrfmiddlewaretoken", "role", "decision", "anew",
    "email", "back",
    # Signed places in lists; another tenant's are tried in test_disjoint.py.
    "older", "invited",
    # How far down their own bell somebody has read; whose line it is makes no difference.
    "last",
    # The press of a button, drawn by the page itself; another's is only another button.
    "form_key", "quoted", "takes", "parked",
    # The operator's page, for administrators of all workspaces.
    "generation",
}  # fmt: skip


def words_read() -> Iterator[tuple[str, str]]:
    """`file:line` and each word that our code takes from `request.GET`, `request.POST` or a copy of them."""
    for app in ("accounts", "generations", "config"):
        for file in sorted((ROOT / app).rglob("*.py")):
            if {"migrations", "management", "demo", "fal"} & set(file.parts):
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if word := _word(node):
                    yield f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", word


def _word(node: ast.AST) -> str | None:
    """`….GET["x"]`, `….POST.get("x")`, `query.get("x")`, `"x" in ….GET`."""
    key: ast.AST | None = None
    if isinstance(node, ast.Subscript) and _is_query(node.value):
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in READERS and _is_query(node.func.value):
            key = node.args[0]
    elif isinstance(node, ast.Compare) and any(_is_query(each) for each in node.comparators):
        key = node.left
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _is_query(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ("GET", "POST")
    return isinstance(node, ast.Name) and node.id in ("query", "posted")
