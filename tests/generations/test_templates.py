"""What the browser gets: nothing inline, nothing from elsewhere, partials named as such, and small."""

import gzip
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from generations.catalogue import Kind, Mode
from generations.models import State
from generations.templatetags import looks

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
NAMES = sorted(str(file.relative_to(TEMPLATES)) for file in TEMPLATES.rglob("*.*"))
PAGES = [name for name in NAMES if name.endswith(".html")]
# These names are the sign-in library's.
LIBRARY = ("account/snippets/", "account/email/", "allauth/", "mfa/webauthn/snippets/")
INLINE = {
    "a style attribute": r"\sstyle\s*=",
    "an inline handler": r"<[^>]*\son[a-z]+\s*=",
    # Data for a script are none; browsers run nothing of this type.
    "a script in the page": r"<script(?![^>]*(?:\ssrc=|\stype=\"application/json\"))",
    "styles in the page": r"<style\b",
    "a script as an address": r"javascript:",
    "an expression for htmx": r"hx-on|hx-vals\s*=\s*.js:|hx-trigger=\"[^\"]*\[",
    "something from elsewhere": r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//",
}


def text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def compressed(*files: Path) -> int:
    return len(gzip.compress(b"".join(file.read_bytes() for file in files), 9))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_holds_nothing_that_the_security_policy_forbids(name: str) -> None:
    found = [what for what, pattern in INLINE.items() if re.search(pattern, text(name), re.IGNORECASE)]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", PAGES)
def test_what_is_included_is_named_as_a_part(name: str) -> None:
    included = re.findall(r'{%\s*include\s+"([^"]+)"', text(name))
    assert [part for part in included if not part.startswith(LIBRARY) and Path(part).name[0] != "_"] == []


def test_every_part_is_used() -> None:
    everything = "".join(text(name) for name in NAMES)
    everything += "".join(file.read_text(encoding="utf-8") for file in ROOT.glob("*/**/*.py"))
    parts = {name for name in PAGES if Path(name).name[0] == "_"}
    drawn_by_kind = {f"generations/_field_{kind}.html" for kind in [*Kind, "media"]}
    assert sorted(part for part in parts - drawn_by_kind if f'"{part}"' not in everything) == []


def test_every_picture_that_is_named_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons/sprite.svg").read_text(encoding="utf-8")))
    named = {found for name in PAGES for found in re.findall(r'{%\s*icon\s+"(\w+)"', text(name))}
    named |= {found for name in PAGES for found in re.findall(r'picture="(\w+)"', text(name))}
    named |= {*looks.STATE_ICONS.values(), *looks.EVENT_ICONS.values(), *(mode.value for mode in Mode)}
    assert named - drawn == set()
    assert set(looks.STATE_ICONS) == set(State)


def test_styles_and_scripts_are_small() -> None:
    assert compressed(STATIC / "css/studio.css") <= 25_000
    assert compressed(*(STATIC / "js").glob("*.js")) <= 12_000
    assert compressed(STATIC / "icons/sprite.svg") <= 8_000


def test_styles_and_scripts_ask_nobody_else() -> None:
    for file in [*(STATIC / "css").glob("*.css"), *(STATIC / "js").glob("*.js")]:
        assert not re.search(r"https?://|@import|\beval\(|innerHTML", file.read_text(encoding="utf-8")), file
