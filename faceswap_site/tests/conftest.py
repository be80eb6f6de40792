from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from faceswap_site.copies import Copy
from faceswap_site.tests.windows import watched

NAME, PASSWORD = "olivia", "a long and uncommon password"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")  # no longer: while it runs, Django's database is out of reach for other tests
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def session(browser: Browser, running_service: Copy) -> dict:
    """Make the owner's account over the link on the console, or sign in; return the cookies of that."""
    link = re.search(r"http\S+/setup/\S+", running_service.log.read_text())[0]
    context = browser.new_context()
    page = context.new_page()
    # A link is good once; the service may be that of another file of tests.
    is_new = page.goto(link).ok
    if not is_new:
        page.goto(f"{running_service.url}/login/")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    if is_new:
        page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and sign in" if is_new else "Sign in").click()
    expect(page.locator(".account-name")).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(browser: Browser, session: dict, running_service: Copy) -> Iterator[Callable[..., Page]]:
    """Open a page of the service as its owner, in a window and with settings of one's own."""
    windows = []

    def open_window(path: str, **settings) -> Page:
        context = browser.new_context(base_url=running_service.url, storage_state=session, **settings)
        window = watched(context, running_service.url)
        page = window.__enter__()
        windows.append(window)
        page.goto(path)
        return page

    yield open_window
    for window in windows:
        window.__exit__(None, None, None)
