"""Workspaces by keyboard, and a passkey from making it to signing in with it alone."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys import stage
from tests.journeys.stage import Demo

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.xdist_group("journeys")]
PASSWORD = "dailies-demo-1"
PASSKEYS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_another_workspace_is_two_keys_away(demo: Demo, chromium: Browser) -> None:
    problems: list[str] = []
    context = chromium.new_context()
    page = stage.page_of(context, problems)
    stage.sign_in(page, demo, "cleo@harbour.example", PASSWORD)
    first = page.url.split("/create/")[0]
    page.keyboard.press("Alt+w")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.fill("[name=name]", "Aster Beverages")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/create/$"))
    expect(page.locator(".menu-workspace summary")).to_contain_text("Aster Beverages")
    second = page.url.split("/create/")[0]
    page.goto(f"{second}/queue/")
    page.keyboard.press("Alt+w")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{first}/queue/")
    expect(page.locator("#flash")).to_contain_text("You are now in")
    assert problems == []
    context.close()


def test_a_passkey_opens_the_door_by_itself(demo: Demo, chromium: Browser) -> None:
    problems: list[str] = []
    context = chromium.new_context()
    page = stage.page_of(context, problems)
    keys = context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEYS})
    # Browsers know no passkeys for a bare number.
    here = Demo(demo.url.replace("127.0.0.1", "localhost"), demo.data, demo.process)
    stage.sign_in(page, here, "cleo@harbour.example", PASSWORD)
    page.goto(f"{here.url}/accounts/2fa/webauthn/add/")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.check("[name=passwordless]")
    page.get_by_role("button", name="Add key").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    for button in ("Use a passkey or security key", "Use a passkey"):
        page.locator(".menu-user summary").click()
        page.get_by_role("button", name="Sign out").click()
        if "or" in button:
            page.fill("[name=login]", "cleo@harbour.example")
            page.fill("[name=password]", PASSWORD)
            page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=button).click()
        page.wait_for_url(re.compile(r"/(create|gallery)/"))
    assert problems == []
    context.close()
