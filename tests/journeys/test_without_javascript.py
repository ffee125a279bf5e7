"""The main job with scripts switched off: every step is a link or a form."""

import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import stage
from tests.journeys.stage import Demo
from tests.world import picture

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.xdist_group("journeys")]


def test_a_picture_becomes_a_clip_without_a_script(demo: Demo, chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "tall.png").write_bytes(picture(600, 900))
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    stage.sign_in(page, demo, "ben@northlight.example", "dailies-demo-1")
    page.fill("[name=prompt]", "A paper boat on a canal")
    page.locator('button[name=to][value="image/"]').click()
    expect(page.locator("[name=prompt]")).to_have_value("A paper boat on a canal")
    page.set_input_files("[name=image_url]", tmp_path / "tall.png")
    page.locator("[name=duration][value='4s']").check(force=True)
    page.locator("[name=requote]").click()
    # The file went along with the question for the price, and what will be cut is said.
    expect(page.locator("[name=image_url_upload]")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("below 720p")
    expect(page.locator("main")).to_contain_text("will be cut")
    expect(page.locator("[name=quoted]")).to_have_value("20")
    page.locator("#generate").click()
    page.wait_for_url("**/queue/")
    address = wait_for_success(page)
    page.goto(address)
    page.get_by_role("link", name="Use these settings").click()
    expect(page.locator("[name=prompt]")).to_have_value("A paper boat on a canal")
    expect(page.locator("[name=image_url_upload]")).to_have_count(1)
    context.close()


def wait_for_success(page: Page) -> str:
    """The page refreshes itself while something is open; here the test presses reload."""
    ends = time.monotonic() + 60
    card = page.locator("article.card", has_text="A paper boat on a canal")
    while card.get_attribute("data-state") != "succeeded":
        assert time.monotonic() < ends
        time.sleep(0.5)
        page.reload()
    path = card.locator("a").first.get_attribute("href")
    return urljoin(page.url, str(path))
