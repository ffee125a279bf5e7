"""The demo's reader of forms: sends what a browser would send."""

import os
import subprocess

import pytest

from config.demo import samples
from config.demo.environment import as_lines, compose, known_names, offline
from config.demo.pages import Page, Upload
from config.demo.workplace import Workplace

FORM = """
<form id="search"><input name="q"></form>
<form id="create" method="post" enctype="multipart/form-data">
  <input type="hidden" name="csrfmiddlewaretoken" value="abc">
  <textarea name="prompt">
a &amp; b</textarea>
  <select name="duration"><option value="4">4 s<option value="8" selected>8 s</select>
  <select name="tone" required><option value="">choose</option><option>calm</option></select>
  <fieldset><label><input type="radio" name="resolution" value="720p" checked> 720p</label>
  <label><input type="radio" name="resolution" value="1080p"> 1080p</label></fieldset>
  <input type="checkbox" name="generate_audio" checked> <input type="checkbox" name="loop">
  <input type="file" name="image_url" accept="image/*" required> <input type="file" name="end_image_url">
  <input name="ghost" value="x" disabled>
  <button type="button" name="quote" value="1">Price</button>
  <button name="go" value="now">Create</button><button name="later" value="1">Later</button>
</form>
<input type="hidden" name="quoted" value="12" form="create">
<p class="field error">Say <em>more</em> than that.<br> Please</p><p>Fine.</p>
<div role="alert">Too poor.</div>
<a href="/generations/1/">one</a>
<article id="generation" data-state="queued" data-held="12"></article>
"""


def test_a_form_sends_what_it_holds():
    form = Page(FORM).form_with("prompt", "duration")
    assert form is not None
    assert form.values == {
        "csrfmiddlewaretoken": ["abc"],
        "prompt": ["a & b"],
        "duration": ["8"],
        "tone": ["calm"],
        "resolution": ["720p"],
        "generate_audio": ["on"],
        "go": ["now"],
        "quoted": ["12"],
    }


def test_only_demanded_files_are_attached():
    form = Page(FORM).form_with("prompt")
    assert form is not None
    assert form.uploads == [Upload("image_url", "image/*")]


def test_a_video_is_attached_even_where_a_clip_of_the_gallery_would_do():
    page = Page(
        "<form><textarea name=prompt></textarea><input type=file name=video_url accept='video/mp4'></form>"
    )
    form = page.form_with("prompt")
    assert form is not None
    assert form.uploads == [Upload("video_url", "video/mp4")]


def test_messages_links_and_the_generation_are_found():
    page = Page(FORM)
    assert page.errors == ["Say more than that. Please", "Too poor."]
    assert page.links == ["/generations/1/"]
    assert page.generation["data-state"] == "queued"


def test_a_page_without_the_form_has_none():
    assert Page("<form><input name='login'></form>").form_with("prompt") is None


@pytest.mark.parametrize(
    ("accept", "magic", "media_type"),
    [
        ("image/png,image/jpeg", b"\x89PNG", "image/png"),
        ("video/mp4", b"ftyp", "video/mp4"),
        ("audio/*", b"WAVE", "audio/wav"),
    ],
)
def test_a_sample_file_is_what_it_says(accept: str, magic: bytes, media_type: str):
    name, content, kind = samples.suitable(accept)
    assert magic in content[:16]
    assert kind == media_type
    assert name.startswith("sample.")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing about the product."""
    for name in known_names():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("bare")
def test_the_demo_is_offline_until_somebody_says_where_fal_is(monkeypatch: pytest.MonkeyPatch):
    assert offline({})
    assert offline({"FAL_KEY": ""})
    assert not offline({"FAL_KEY": "key"})
    assert not offline({"FAL_QUEUE_URL": "http://localhost:1"})


@pytest.mark.usefixtures("bare")
def test_the_environment_of_the_demo_is_whole(tmp_path):
    environment = compose(Workplace(tmp_path), 8123, "redis://127.0.0.1:7000/0", 7001)
    assert set(environment) <= set(known_names())
    assert environment["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert environment["FAL_MEDIA_HOSTS"] == "127.0.0.1:7001"
    assert environment["DATABASE_URL"] == f"sqlite:///{tmp_path}/dailies.sqlite3"


@pytest.mark.usefixtures("bare")
def test_a_command_finds_the_demo_s_environment_whatever_its_folder_is_called(tmp_path):
    workplace = Workplace(tmp_path / "a $place of 'mine'")
    with workplace.occupied():
        environment = compose(workplace, 8123, "redis://127.0.0.1:7000/0", 7001)
        workplace.write_private(workplace.env, as_lines(environment))
        workplace.write_command()
    assert workplace.remembered("MEDIA_ROOT") == str(workplace.media)
    asked = [
        str(workplace.manage),
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings as s; print(s.MEDIA_ROOT)",
    ]
    alone = {"PATH": os.environ["PATH"]}
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=tmp_path, env=alone)
    assert done.stdout.strip() == str(workplace.media)


@pytest.mark.usefixtures("bare")
def test_what_the_caller_set_has_precedence(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    monkeypatch.setenv("TIME_SCALE", "20")
    monkeypatch.setenv("PUBLIC_URL", "https://demo.example.com")
    environment = compose(Workplace(tmp_path), 8123, "redis://127.0.0.1:7000/0", None)
    assert environment["DATABASE_URL"] == "postgres://somewhere/else"
    assert environment["TIME_SCALE"] == "20"
    assert environment["ALLOWED_HOSTS"].split(",")[-1] == "demo.example.com"
    assert "FAL_QUEUE_URL" not in environment
