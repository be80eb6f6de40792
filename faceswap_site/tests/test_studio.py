"""Every page as a person meets it: for whoever cannot see it well, on any width, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from faceswap_site.studio import NAME, NEWCOMER, PASSWORD, studio
from faceswap_site.tests.windows import watched

pytestmark = pytest.mark.browser

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},  # 2.5.8; by itself axe leaves it out
    "resultTypes": ["violations"],
}
# What width and colours alone decide.
SEEN = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]}}
WIDTHS = [360, 390, 768, 1280, 1920, 2560]
PAGES = [
    *("/", "/?q=nothing-of-that-name", "/new/", "/settings/", "/help/", "/help/api/"),
    *(
        "last",
        "done",
        "failed",
        "processing",
        "queued",
        "cancelled",
        "batch",
        "/faces/",
        "/batches/new/",
        "/no/such/page/",
    ),
]
OPEN = ["/login/", "share", "setup"]


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses in a studio of forty jobs, and the one to set up a studio that nobody has set up."""
    folder = tmp_path_factory.mktemp("studios")
    with studio(folder / "bare", jobs=0) as bare, studio(folder / "full", jobs=40) as full:
        yield {
            **{name: full[0].url + path for name, path in full[1].items()},
            "home": full[0].url,
            "setup": bare[0].url + bare[1]["setup"],
        }


@pytest.fixture(scope="module")
def sign_in(browser: Browser, links: dict[str, str]):
    """The cookies of who is signed in, by name."""

    def state(name: str) -> dict:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{links['home']}/login/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{links['home']}/")
        kept = context.storage_state()
        context.close()
        return kept

    return {"": None} | {name: state(name) for name in (NAME, NEWCOMER)}


@pytest.fixture
def window(browser: Browser, links: dict[str, str], sign_in: dict, request) -> Iterator[Page]:
    """The page of the test's parameters, before the person who may see it. Nothing moves."""
    who, path = request.param
    address = links.get(path) or links["home"] + path
    home = address[: address.index("/", len("http://"))]
    context = browser.new_context(storage_state=sign_in[who], reduced_motion="reduce")
    with watched(context, home) as page:
        page.goto(address)
        yield page


EVERY_PAGE = pytest.mark.parametrize(
    "window",
    [*product([NAME], PAGES), *product([NEWCOMER], ["/"]), *product([""], OPEN)],
    indirect=True,
    ids=lambda param: f"{param[0] or 'anybody'} {param[1]}",
)


@EVERY_PAGE
def test_a_page_meets_wcag_and_fits_its_window(window):
    faults = []
    for width, scheme, rules in [
        (390, "light", WCAG),
        (390, "dark", SEEN),
        (1280, "light", SEEN),
        (1280, "dark", WCAG),
    ]:
        window.set_viewport_size({"width": width, "height": 900})
        window.emulate_media(color_scheme=scheme)
        for violation in Axe().run(window, options=rules).response["violations"]:
            for node in violation["nodes"]:
                faults.append(f"{width} {scheme}: {violation['id']}: {node['html']} {node['failureSummary']}")
    assert not faults

    for width in WIDTHS:
        window.set_viewport_size({"width": width, "height": 900})
        assert window.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), width
