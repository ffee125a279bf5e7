"""An administrator at work in a browser, under the same content security policy as everybody."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys import stage
from tests.journeys.stage import Demo

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.xdist_group("journeys")]


def test_an_administrator_adds_a_member_and_reads_the_ledger(demo: Demo, chromium: Browser) -> None:
    problems: list[str] = []
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = stage.page_of(context, problems)
    stage.sign_in(page, demo, "root@dailies.example", "dailies-demo-1")
    page.goto(f"{demo.url}/admin/")
    page.get_by_role("link", name="Workspaces", exact=True).first.click()
    page.get_by_role("link", name="Harbour Agency").click()
    row = page.locator("#memberships-1")
    row.locator("span.select2-selection").click()
    page.locator(".select2-search__field").fill("vera")
    page.locator(".select2-results__option", has_text="Vera").click()
    row.locator("select[name$=role]").select_option("viewer")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".success")).to_contain_text("was changed successfully")
    page.goto(f"{demo.url}/admin/accounts/ledgerentry/")
    expect(page.locator("#result_list")).to_contain_text("Opening credits")
    expect(page.get_by_role("link", name="Add ledger entry")).to_have_count(0)
    context.close()
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_an_operator_looks_at_what_waits_from_the_first_page(
    demo: Demo, chromium: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    problems: list[str] = []
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = stage.page_of(context, problems)
    stage.sign_in(page, demo, "root@dailies.example", "dailies-demo-1")
    page.goto(f"{demo.url}/admin/")
    page.get_by_role("link", name="Operations: what waits, and why").click()
    expect(page.locator("dl.figures")).to_contain_text("s ago")
    expect(page.get_by_role("heading", name="Sending to fal")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
    assert problems == []
