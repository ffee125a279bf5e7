"""Every page as people get it: readable by everybody, in both themes, on a phone and on a desk."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from tests.journeys import stage
from tests.journeys.stage import Demo

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.xdist_group("journeys")]

ADA, PASSWORD = "ada@northlight.example", "dailies-demo-1"
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
OUTSIDE = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
INSIDE = [
    "/create/",
    "/create/?mode=image&quality=fast",
    "/create/?mode=frames&quality=standard",
    "/create/?mode=references",
    "/create/?mode=extend",
    "/create/?mode=image&quality=kling",
    "/queue/",
    "/gallery/",
    "/gallery/?whose=team",
    "/gallery/?q=nothing+has+these+words",
    "/credits/",
    "/collections/",
    "/bin/",
    "/accounts/name/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/workspaces/new/",
    "/bell/",
    "/api/v1/docs",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/add/",
]
# Looked at with everything unfolded that can be.
TEAM = [
    f"/team/{each}"
    for each in (
        *("", "invite/", "roles/", "budgets/", "approvals/"),
        *("tokens/", "webhooks/", "audit/", "settings/", "close/"),
    )
]
MENUS = [".menu-workspace", ".menu-bell", ".menu-user"]
SIZES: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desk": {"width": 1440, "height": 900},
}

# Transitions, not what turns for ever: they are at their ends.
SETTLED = """
    document.getAnimations().filter(each => each instanceof CSSTransition).forEach(each => each.finish())
"""


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    problems: list[str] = []
    context = chromium.new_context(color_scheme="light", viewport=SIZES[request.param])
    yield stage.page_of(context, problems)
    context.close()
    assert problems == []


def inspect(page: Page, address: str) -> list[str]:
    """What is wrong with a page: rules it breaks, and whether it must be scrolled sideways."""
    page.goto(address)
    page.wait_for_load_state("load")
    return look(page, address)


def look(page: Page, address: str, *, but: str = "") -> list[str]:
    """The same of what is in front of us, `but` a part of it; in the dark the colours are read once more."""
    context = {"exclude": [[but]]} if but else None
    found = read(page, address, context, TAGS)
    in_theme(page, "dark")
    found += read(page, f"{address} in the dark", context, ["color-contrast"])
    in_theme(page, "light")
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if wide > seen:
        found.append(f"{address}: {wide} px wide on a screen of {seen}")
    if page.locator("h1").count() != 1:
        found.append(f"{address}: {page.locator('h1').count()} level-one headings")
    return found


def read(page: Page, address: str, context: dict[str, Any] | None, rules: list[str]) -> list[str]:
    """What axe finds by these rules, or rules with these tags."""
    return [
        f"{address}: {each['id']} {[node['target'] for node in each['nodes']][:3]}"
        for each in Axe().run(page, context, {"runOnly": rules}).response["violations"]
    ]


def in_theme(page: Page, theme: Literal["light", "dark"]) -> None:
    """Change the theme, and be done with it: a colour on its way to another is neither."""
    page.emulate_media(color_scheme=theme)
    page.evaluate(SETTLED)


def shared_and_collected(page: Page) -> list[str]:
    """The pages of a clip that is shared by link and in a collection; the clip's page is in front of us."""
    clip = page.url
    page.get_by_role("radio", name="Anyone with the link").check()
    page.locator("#visible-to").get_by_role("button", name="Save").click()
    address = str(page.locator("#shared-address").text_content())
    page.locator("#shelf-name").fill("Harbour campaign")
    page.locator("#collections").get_by_role("button", name="Add").click()
    collection = page.locator("#collections a").first.get_attribute("href")
    home = clip.split("/generations/")[0]
    return [
        clip,
        address,
        f"{home}{collection}",
        f"{home}/gallery/?collection={str(collection).split('/')[2]}",
    ]


def unfolded(page: Page, address: str) -> list[str]:
    """A page with all its details open: what is folded away is read as well."""
    page.goto(address)
    page.wait_for_load_state("load")
    page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
    return look(page, address)


def made_here(page: Page, demo: Demo) -> list[str]:
    """A token that is shown once, a webhook's page, and an invitation as whoever it is not for sees it."""
    page.goto(f"{demo.url}/team/tokens/")
    if not page.locator(".token-make[open]").count():
        page.locator(".token-make > summary").click()
    page.locator(".token-form [name=name]").fill("Render farm")
    page.get_by_role("button", name="Create token").click()
    page.locator("#token-secret").wait_for()
    found = look(page, "a new token")
    page.goto(f"{demo.url}/team/webhooks/")
    page.get_by_label("Address").fill("https://example.com/hooks/dailies")
    page.get_by_role("button", name="Add webhook").click()
    page.locator("#log-title").wait_for()
    found += unfolded(page, page.url)
    page.goto(f"{demo.url}/team/invite/")
    page.get_by_label("By a link that you pass on").check()
    page.get_by_role("button", name="Invite", exact=True).click()
    link = str(page.locator(".member-link code").first.text_content())
    return found + inspect(page, link)


def menus(page: Page, address: str) -> list[str]:
    """Each menu of the frame, open over a page, of which it hides a part."""
    page.goto(address)
    found = []
    for menu in MENUS:
        page.locator(f"{menu} > summary").click()
        found += look(page, f"{address} {menu}", but="main")
        page.keyboard.press("Escape")
    return found


def test_every_page_is_readable_by_everybody(demo: Demo, page: Page) -> None:
    found = [each for path in OUTSIDE for each in inspect(page, demo.url + path)]
    stage.sign_in(page, demo, ADA, PASSWORD)
    page.goto(f"{demo.url}/gallery/?state=ready")
    clip = page.locator("article.card a").first.get_attribute("href")
    found += [each for path in [*INSIDE, str(clip)] for each in inspect(page, demo.url + path)]
    found += [each for address in shared_and_collected(page) for each in inspect(page, address)]
    assert found == []


def test_every_page_of_the_team_is_readable_by_everybody(demo: Demo, page: Page) -> None:
    stage.sign_in(page, demo, ADA, PASSWORD)
    found = [each for path in TEAM for each in unfolded(page, demo.url + path)]
    found += made_here(page, demo) + menus(page, f"{demo.url}/team/")
    assert found == []
