"""The main job in a real browser: sign up, make a clip on every endpoint, watch them arrive, play one."""

import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import stage
from tests.journeys.stage import Demo
from tests.world import picture, video

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.xdist_group("journeys")]

PASSWORD = "a long enough password"


class Shot(NamedTuple):
    """Tab, quality, and the price in credits of what the form offers at first."""

    mode: str
    quality: str
    price: int


# The price table, by hand.
SHOTS = [
    ("text", "lite", 40),
    ("text", "fast", 120),
    ("text", "standard", 320),
    ("image", "lite", 40),
    ("image", "fast", 120),
    ("image", "standard", 320),
    ("image", "kling", 21),
    ("frames", "lite", 40),
    ("frames", "fast", 120),
    ("frames", "standard", 320),
    ("references", "standard", 320),
    ("extend", "fast", 105),
    ("extend", "standard", 280),
]


def test_the_journey_on_sqlite(demo: Demo, chromium: Browser, tmp_path: Path) -> None:
    journey(demo, chromium, tmp_path)


@pytest.mark.postgres
def test_the_journey_on_postgres(demo_on_postgres: Demo, chromium: Browser, tmp_path: Path) -> None:
    journey(demo_on_postgres, chromium, tmp_path)


def journey(demo: Demo, chromium: Browser, folder: Path) -> None:
    files = make_files(folder)
    problems: list[str] = []
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = stage.page_of(context, problems)
    sign_up(page, demo)
    assert balance(page, demo) == (2500, 0)
    for mode, quality, price in SHOTS:
        submit(page, demo, Shot(mode, quality, price), files)
    watch_them_arrive(page)
    play_one(page)
    check_the_money(page, demo)
    assert problems == []
    context.close()


def make_files(folder: Path) -> dict[str, Path]:
    paths = {}
    for name, content in {
        "one.png": picture(1280, 720, "teal"),
        "two.jpg": picture(1920, 1080, "maroon", "JPEG"),
        "clip.mp4": video(seconds=3),
    }.items():
        paths[name] = folder / name
        paths[name].write_bytes(content)
    return paths


def sign_up(page: Page, demo: Demo) -> None:
    page.goto(demo.url)
    page.get_by_role("link", name="Create an account").click()
    page.fill("[name=first_name]", "Grace")
    page.fill("[name=email]", "grace@example.com")
    page.fill("[name=password1]", PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    link = re.search(r"http://\S+/accounts/confirm-email/\S+", demo.newest_mail())
    assert link
    page.goto(link[0])
    page.get_by_role("button", name="Yes, confirm").click()
    stage.sign_in(page, demo, "grace@example.com", PASSWORD)


def balance(page: Page, demo: Demo) -> tuple[int, int]:
    page.goto(f"{demo.url}/credits/")
    figures = [page.locator("#balance").get_attribute(f"data-{name}") for name in ("available", "held")]
    return int(figures[0] or -1), int(figures[1] or -1)


def submit(page: Page, demo: Demo, shot: Shot, files: dict[str, Path]) -> None:
    mode, quality, price = shot
    page.goto(f"{demo.url}/create/")
    page.fill("[name=prompt]", f"Grace's {mode} shot, {quality}")
    for value in (f"{mode}/", f"{mode}/{quality}"):
        button = page.locator(f'button[name=to][value="{value}"]')
        if button.get_attribute("aria-pressed") != "true":
            button.click()
            expect(page.locator(f'button[name=to][value="{value}"]')).to_have_attribute(
                "aria-pressed", "true"
            )
    # What was typed before the tab changed is still there.
    expect(page.locator("[name=prompt]")).to_have_value(f"Grace's {mode} shot, {quality}")
    attach(page, mode, quality, files)
    expect(page.locator("#quote [name=quoted]")).to_have_value(str(price))
    page.locator("#generate").click()
    page.wait_for_url("**/queue/")


def attach(page: Page, mode: str, quality: str, files: dict[str, Path]) -> None:
    if mode == "image":
        page.set_input_files("[name=image_url]", files["one.png"])
    elif mode == "frames":
        page.set_input_files("[name=first_frame_url]", files["one.png"])
        page.set_input_files("[name=last_frame_url]", files["two.jpg"])
    elif mode == "references":
        page.set_input_files("[name=image_urls]", [files["one.png"], files["two.jpg"]])
    elif quality == "standard" and mode == "extend":
        page.set_input_files("[name=video_url]", files["clip.mp4"])
    elif mode == "extend":
        choose_a_clip_of_the_gallery(page)


def choose_a_clip_of_the_gallery(page: Page) -> None:
    """A clip of this workspace, as soon as one is ready."""
    ends = time.monotonic() + 60
    while not page.locator(".clip-card").count() and time.monotonic() < ends:
        page.wait_for_timeout(500)
        page.locator('button[name=to][value="extend/fast"]').click()
        page.wait_for_load_state("networkidle")
    page.locator(".clip-card").first.click()


def watch_them_arrive(page: Page) -> None:
    """The tab stays open; what is set on its window would not survive a reload."""
    page.evaluate("window.untouched = true")
    cards = page.locator("article.card")
    expect(cards).to_have_count(len(SHOTS))
    expect(page.locator('article.card[data-state="succeeded"]')).to_have_count(len(SHOTS), timeout=120_000)
    assert page.evaluate("window.untouched")
    # The balance in the frame followed without a reload as well.
    expect(page.locator("#balance")).not_to_contain_text("held")


def play_one(page: Page) -> None:
    page.locator("article.card a").first.click()
    player = page.locator("video#player")
    player.evaluate("video => { video.muted = true; return video.play() }")
    wait_until_played(page, 0.3)
    assert player.evaluate("video => video.videoWidth") == 1280
    # A seek asks for a range.
    player.evaluate("video => { video.currentTime = video.duration - 1 }")
    wait_until_played(page, 5)


def wait_until_played(page: Page, seconds: float) -> None:
    """By asking again and again: the page's policy forbids evaluating a waiting expression in it."""
    ends = time.monotonic() + 15
    while page.locator("#player").evaluate("video => video.currentTime") <= seconds:
        assert time.monotonic() < ends, "the clip does not play"
        page.wait_for_timeout(100)


def check_the_money(page: Page, demo: Demo) -> None:
    total = sum(price for _, _, price in SHOTS)
    assert balance(page, demo) == (2500 - total, 0)
    page.goto(f"{demo.url}/gallery/")
    charged = {}
    for link in page.locator("article.card a").evaluate_all("links => links.map(link => link.href)"):
        page.goto(link)
        section = page.locator("#generation")
        prompt = page.locator("h1").inner_text()
        charged[prompt] = (section.get_attribute("data-held"), section.get_attribute("data-charged"))
    assert charged == {f"Grace's {mode} shot, {quality}": ("0", str(price)) for mode, quality, price in SHOTS}
    audit = demo.manage("check_invariants")
    assert (audit.returncode, audit.stdout) == (0, "all invariants hold\n")
