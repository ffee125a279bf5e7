"""`demo --once`: one clip the way a person makes it, through the sign-in page and the real form."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx

from config.demo import samples
from config.demo.banner import PASSWORD, PEOPLE
from config.demo.pages import Form, Page

ENDS = ("succeeded", "failed", "cancelled")
PATIENCE = 15 * 60.0
GENERATION = re.compile(r"/generations/[0-9a-f-]{36}/")


class NoClip(Exception):
    """Why there is no clip to wait for, in the page's own words."""


def make_clip(
    address: str, prompt: str, endpoint: str | None, check: Callable[[], None], folder: Path
) -> bool:
    """Whether the clip succeeded; prints every state as it comes, then the credits and the clip."""
    # trust_env off: a proxy in the environment must not see, or break, a visit to this machine.
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60, trust_env=False) as browser:
        try:
            sign_in(browser)
            known = links(browser)
            answer = submit(browser, prompt, endpoint)
            generation = address_of_clip(browser, answer, known)
            print(f"submitted: {address}{generation}", flush=True)
            return follow(browser, generation, check, folder)
        except (NoClip, httpx.HTTPError) as trouble:
            print(f"no clip: {trouble}", flush=True)
            return False


def sign_in(browser: httpx.Client) -> None:
    page = browser.get("/accounts/login/")
    form = Page(page.text).form_with("login", "password")
    if form is None:
        raise NoClip(f"the sign-in page has no form (HTTP {page.status_code})")
    answer = send(browser, page, form, {"login": next(iter(PEOPLE)), "password": PASSWORD})
    if Page(answer.text).form_with("login", "password"):
        raise NoClip("the sample person cannot sign in: " + complaint(answer))


def submit(browser: httpx.Client, prompt: str, endpoint: str | None) -> httpx.Response:
    """Sends the form as it is, with the prompt; once more when the page answers with a new price."""
    page = browser.get("/create/", params={"endpoint": endpoint} if endpoint else {})
    quoted = None
    for _ in range(2):
        form = Page(page.text).form_with("prompt")
        if form is None or form.values.get("quoted") == quoted:
            break
        quoted = form.values.get("quoted")
        page = send(browser, page, form, {"prompt": prompt})
        if Page(page.text).form_with("prompt") is None:
            return page
    raise NoClip(complaint(page))


def send(browser: httpx.Client, page: httpx.Response, form: Form, filled: dict[str, str]) -> httpx.Response:
    data: dict[str, list[str] | str] = {**form.values, **filled}
    files = [(upload.name, samples.suitable(upload.accept)) for upload in form.uploads]
    target = urljoin(str(page.url), form.attributes.get("action") or str(page.url))
    return browser.post(target, data=data, files=files or None, headers={"Referer": str(page.url)})


def complaint(page: httpx.Response) -> str:
    """What the page says is wrong."""
    said = [text for text in Page(page.text).errors if text]
    return "; ".join(dict.fromkeys(said)) or f"{page.url} answered HTTP {page.status_code} without a message"


def links(browser: httpx.Client) -> list[str]:
    """The generations the queue page leads to, the newest first."""
    found = (GENERATION.search(link) for link in Page(browser.get("/queue/").text).links)
    return list(dict.fromkeys(match.group() for match in found if match))


def address_of_clip(browser: httpx.Client, answer: httpx.Response, known: list[str]) -> str:
    if match := GENERATION.search(str(answer.url)):
        return match.group()
    new = [link for link in links(browser) if link not in known]
    if not new:
        raise NoClip(complaint(answer))
    return new[0]


def follow(browser: httpx.Client, generation: str, check: Callable[[], None], folder: Path) -> bool:
    """Watches the clip's page; `held` is the most that was set aside for it at any time."""
    state, held = "", 0
    shown: dict[str, str] = {}
    deadline = time.monotonic() + PATIENCE
    while state not in ENDS:
        if time.monotonic() > deadline:
            raise NoClip(f"still {state} after {PATIENCE / 60:.0f} minutes")
        check()
        answer = browser.get(generation)
        shown = Page(answer.text).generation
        if "data-state" not in shown:
            raise NoClip(f"{generation} shows no state (HTTP {answer.status_code})")
        held = max(held, int(shown.get("data-held") or 0))
        if shown["data-state"] != state:
            state = shown["data-state"]
            print(f"state: {state}", flush=True)
        time.sleep(0.2)
    print(f"held: {held}  charged: {shown.get('data-charged') or 0}", flush=True)
    print(f"clip: {saved(browser, generation, shown.get('data-clip'), folder)}", flush=True)
    return state == "succeeded"


def saved(browser: httpx.Client, generation: str, clip: str | None, folder: Path) -> str:
    """Where a copy of the clip is on this disk: the page's address is gone with the demo."""
    if not clip:
        return "none"
    file = folder / f"clip-{generation.split('/')[2][:8]}.mp4"
    file.write_bytes(browser.get(clip).content)
    return str(file)
