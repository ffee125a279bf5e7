"""A lead builds a team by mail, gives each member a budget, decides about an exception and demotes one."""

import email
import re
import time
from collections.abc import Iterator
from email import policy

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.journeys import stage
from tests.journeys.stage import Demo

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.xdist_group("journeys")]

OWNER, PASSWORD, NEW = "ada@northlight.example", "dailies-demo-1", "a long new password"
MIA, NOA, VIC = "mia@northlight.example", "noa@northlight.example", "vic@northlight.example"
PROMPT = "A paper boat drifts down a rainy street"
SECONDS = 40


class Person:
    """Somebody with a browser of their own; what its console complains about is kept."""

    def __init__(self, demo: Demo, browser: Browser) -> None:
        self.problems: list[str] = []
        self.context: BrowserContext = browser.new_context()
        self.page: Page = stage.page_of(self.context, self.problems)
        self.demo = demo

    def open(self, path: str) -> None:
        """A page of the workspace that the last one was in."""
        at = re.match(r".*/w/[0-9a-f-]{36}", self.page.url)
        self.page.goto(f"{at[0] if at else self.demo.url}{path}")

    def order(self, prompt: str) -> None:
        self.open("/create/?quality=lite")
        self.page.fill("[name=prompt]", prompt)
        self.page.locator("#generate").click()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()


@pytest.fixture
def people(demo: Demo, chromium: Browser) -> Iterator[dict[str, Person]]:
    found = {each: Person(demo, chromium) for each in (OWNER, MIA, NOA, VIC)}
    yield found
    for each in found.values():
        each.context.close()
    # A browser complains about every answer that is a refusal; here some are meant to be.
    said = [text for each in found.values() for text in each.problems]
    assert [text for text in said if "status of 4" not in text] == []


def letter_to(demo: Demo, address: str, about: str) -> str:
    """The text of the newest mail to somebody with these words in its subject."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        for file in sorted((demo.data / "mail").iterdir(), key=lambda each: -each.stat().st_mtime):
            for part in re.split(r"^-{70,}$", file.read_text(), flags=re.MULTILINE):
                mail = email.message_from_string(part.strip(), policy=policy.default)
                if mail["To"] == address and about in str(mail["Subject"]):
                    return str(mail.get_content())
        time.sleep(0.3)
    raise AssertionError(f"no mail to {address} about {about}")


def invite(owner: Person, addresses: str, role: str) -> None:
    owner.open("/team/invite/")
    owner.page.fill("[name=emails]", addresses)
    owner.page.select_option("[name=role]", role)
    owner.page.get_by_role("button", name="Invite", exact=True).click()
    owner.page.wait_for_url("**/team/**")


def join(demo: Demo, person: Person, address: str, name: str) -> None:
    """From the mail to the workspace; the mailbox is proven by the letter itself."""
    found = re.search(r"http://\S+/invitations/\S+", letter_to(demo, address, "Northlight"))
    assert found
    person.page.goto(found[0])
    person.press("Create an account")
    person.page.fill("[name=first_name]", name)
    person.page.fill("[name=password1]", NEW)
    person.press("Create account")
    person.press(f"Join as {address}")
    expect(person.page.locator(".menu-workspace summary")).to_contain_text("Northlight Films")


def budget(owner: Person, who: str, beyond: str) -> None:
    owner.open("/team/budgets/")
    owner.page.select_option("[name=who]", label=who)
    form = owner.page.locator("form", has=owner.page.locator("[name=who]"))
    form.locator("[name=most]").fill("10")
    form.get_by_label(beyond).check()
    form.get_by_role("button", name="Set budget").click()
    expect(owner.page.locator("#flash")).to_contain_text("The budget is set")


def test_a_team_by_mail_with_budgets_an_approval_and_a_demotion(
    demo: Demo, people: dict[str, Person]
) -> None:
    owner, mia, noa, vic = (people[each] for each in (OWNER, MIA, NOA, VIC))
    stage.sign_in(owner.page, demo, OWNER, PASSWORD)
    invite(owner, f"{MIA}, {NOA}", "creator")
    invite(owner, VIC, "viewer")
    for person, address, name in ((mia, MIA, "Mia"), (noa, NOA, "Noa"), (vic, VIC, "Vic")):
        join(demo, person, address, name)
    budget(owner, "Mia", "Refuse it")
    budget(owner, "Noa", "Ask for approval")
    is_refused(mia)
    asks_and_is_approved(demo, noa, owner)
    is_demoted(mia, owner)
    sees_and_cannot_spend(vic)


def is_refused(mia: Person) -> None:
    """And told by which limit, and whom to ask; nothing typed is lost."""
    mia.order(PROMPT)
    refusal = mia.page.locator("main")
    expect(refusal).to_contain_text("budget")
    expect(refusal).to_contain_text("Ada Lindqvist")
    expect(mia.page.locator("[name=prompt]")).to_have_value(PROMPT)


def asks_and_is_approved(demo: Demo, noa: Person, owner: Person) -> None:
    """The owner is told by bell and mail, and approves it once."""
    noa.order(PROMPT)
    noa.page.wait_for_url("**/queue/")
    card = noa.page.locator("article.card", has_text=PROMPT).first
    expect(card).to_have_attribute("data-state", "awaiting_approval")
    assert PROMPT in letter_to(demo, OWNER, "Noa asks for")
    owner.open("/team/approvals/")
    owner.page.locator(".menu-bell summary").click()
    expect(owner.page.locator(".menu-bell")).to_contain_text("Noa")
    owner.open("/team/approvals/")
    owner.page.get_by_role("button", name=re.compile(f"Approve once.*{PROMPT[:12]}")).click()
    expect(owner.page.locator("#flash")).to_contain_text("pproved")
    expect(card).to_have_attribute("data-state", "succeeded", timeout=SECONDS * 1000)


def is_demoted(mia: Person, owner: Person) -> None:
    """The button and the address are gone with the next request."""
    expect(mia.page.locator(".rail").get_by_role("link", name="Create")).to_have_count(1)
    owner.open("/team/?q=Mia")
    owner.page.locator(".member-do summary").first.click()
    owner.page.locator("[name=role]").select_option("viewer")
    owner.press("Save")
    mia.open("/gallery/")
    expect(mia.page.locator(".rail").get_by_role("link", name="Create")).to_have_count(0)
    assert mia.page.request.get(mia.page.url.replace("/gallery/", "/create/")).status == 403


def sees_and_cannot_spend(vic: Person) -> None:
    """A viewer opens the clip, has no button, and is refused without one."""
    vic.open("/gallery/?whose=team")
    vic.page.get_by_role("link", name=PROMPT).first.click()
    expect(vic.page.locator("#generation")).to_have_attribute("data-state", "succeeded")
    expect(vic.page.locator("#again")).to_have_count(0)
    token = vic.page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    here = vic.page.url.split("/generations/")[0]
    answer = vic.page.request.post(
        f"{here}/create/", form={"csrfmiddlewaretoken": token, "prompt": PROMPT}, headers={"Referer": here}
    )
    assert answer.status == 403
